# shellcheck shell=bash disable=SC2034
# The settings of a testbed, each from the environment or a default. They are remembered in TESTBED_WORK, so
# that later commands on the same folder need no other setting.

TESTBED_WORK=${TESTBED_WORK:-${TMPDIR:-/tmp}/camunda-backup-testbed}
TESTBED_CACHE=${TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/camunda-backup-testbed}
# Other testbeds may use the same two folders.
WORK=$TESTBED_WORK/camunda
CACHE=$TESTBED_CACHE/camunda
RUN_DIR=$WORK/run
LOG_DIR=$WORK/log
own_folder "$TESTBED_WORK" 0711
own_folder "$WORK" 0711

# Those that cannot change under existing data or running components, and those that count at the next start.
FIXED_SETTINGS=(PLATFORM CAMUNDA_VERSION WEBAPPS_VERSION ENGINE BROKERS PARTITIONS REPLICATION PORT_BASE)
START_SETTINGS=(SNAPSHOT_REPOSITORY BACKUP_STORE ENGINE_HEAP BROKER_HEAP GATEWAY_HEAP WEBAPP_HEAP
  EXTRA_BROKER_ENV EXTRA_GATEWAY_ENV EXTRA_OPERATE_ENV EXTRA_TASKLIST_ENV)

settings_load() {
  local name value
  if [ -f "$WORK/settings" ]; then
    while IFS='=' read -r name value; do
      [[ " ${START_SETTINGS[*]} " != *" $name "* || -z ${!name+set} ]] || continue
      [ "${!name-$value}" = "$value" ] || die "$TESTBED_WORK was made with $name=$value, not ${!name}:" \
        "take another TESTBED_WORK, or purge this one"
      printf -v "$name" '%s' "$value"
    done <"$WORK/settings"
  fi

  PLATFORM=${PLATFORM:-processes}
  case $PLATFORM in processes | kubernetes) ;; *) die "PLATFORM is processes or kubernetes, not '$PLATFORM'" ;; esac
  CAMUNDA_VERSION=${CAMUNDA_VERSION:-8.6.0}
  # Before 8.6 Operate and Tasklist were not part of the distribution, and no registry has them: those of 8.6 take
  # their place (they can import the records of 8.5).
  case $CAMUNDA_VERSION in
    8.[0-5].*) WEBAPPS_VERSION=${WEBAPPS_VERSION:-8.6.0} ;;
    *) WEBAPPS_VERSION=${WEBAPPS_VERSION:-$CAMUNDA_VERSION} ;;
  esac
  ENGINE=${ENGINE:-elasticsearch}
  case $ENGINE in elasticsearch | opensearch) ;; *) die "ENGINE is elasticsearch or opensearch, not '$ENGINE'" ;; esac
  BROKERS=${BROKERS:-1}
  PARTITIONS=${PARTITIONS:-2}
  REPLICATION=${REPLICATION:-$BROKERS}
  local repository=camunda_backup
  [ "$PLATFORM" = processes ] || repository=camunda-backup # as the chart's objects say
  SNAPSHOT_REPOSITORY=${SNAPSHOT_REPOSITORY-$repository} # empty: none registered, none configured
  BACKUP_STORE=${BACKUP_STORE:-S3}                          # of Zeebe: S3, or NONE
  case $BACKUP_STORE in S3 | NONE) ;; *) die "BACKUP_STORE is S3 or NONE, not '$BACKUP_STORE'" ;; esac

  # Small heaps: the whole testbed fits into 2.5 GiB.
  ENGINE_HEAP=${ENGINE_HEAP:-640m}
  BROKER_HEAP=${BROKER_HEAP:-320m}
  GATEWAY_HEAP=${GATEWAY_HEAP:-160m}
  WEBAPP_HEAP=${WEBAPP_HEAP:-384m}

  # More variables for the components, as words: EXTRA_BROKER_ENV="A=1 B=2"
  EXTRA_BROKER_ENV=${EXTRA_BROKER_ENV:-}
  EXTRA_GATEWAY_ENV=${EXTRA_GATEWAY_ENV:-}
  EXTRA_OPERATE_ENV=${EXTRA_OPERATE_ENV:-}
  EXTRA_TASKLIST_ENV=${EXTRA_TASKLIST_ENV:-}

  PORT_BASE=${PORT_BASE:-} # empty: the usual ports; else 100 ports from there on
  settings_ports

  # Where components listen, and how they find each other.
  BIND=127.0.0.1
  ENGINE_URL=http://127.0.0.1:$ENGINE_PORT
  S3_URL=http://127.0.0.1:$S3_PORT
  GATEWAY_HOST=127.0.0.1
}

settings_ports() {
  if [ -n "$PORT_BASE" ]; then
    local p=$PORT_BASE
    ENGINE_PORT=$p ENGINE_TRANSPORT_PORT=$((p + 1)) S3_PORT=$((p + 2))
    GATEWAY_GRPC_PORT=$((p + 3)) GATEWAY_REST_PORT=$((p + 4)) GATEWAY_MANAGEMENT_PORT=$((p + 5))
    GATEWAY_CLUSTER_PORT=$((p + 6))
    OPERATE_PORT=$((p + 7)) OPERATE_MANAGEMENT_PORT=$((p + 8)) OPERATE_CLUSTER_PORT=$((p + 9))
    TASKLIST_PORT=$((p + 10)) TASKLIST_MANAGEMENT_PORT=$((p + 11)) TASKLIST_CLUSTER_PORT=$((p + 12))
    # The first broker's; the next one's are one higher.
    BROKER_MANAGEMENT_PORT=$((p + 20)) BROKER_REST_PORT=$((p + 40))
    BROKER_COMMAND_PORT=$((p + 60)) BROKER_INTERNAL_PORT=$((p + 80))
  else
    ENGINE_PORT=9200 ENGINE_TRANSPORT_PORT=9300 S3_PORT=9001
    GATEWAY_GRPC_PORT=26500 GATEWAY_REST_PORT=8088 GATEWAY_MANAGEMENT_PORT=9600
    GATEWAY_CLUSTER_PORT=26502
    OPERATE_PORT=8081 OPERATE_MANAGEMENT_PORT=9681 OPERATE_CLUSTER_PORT=26503
    TASKLIST_PORT=8082 TASKLIST_MANAGEMENT_PORT=9682 TASKLIST_CLUSTER_PORT=26504
    BROKER_MANAGEMENT_PORT=9610 BROKER_REST_PORT=8090
    BROKER_COMMAND_PORT=26520 BROKER_INTERNAL_PORT=26540
  fi
}

settings_save() {
  local name
  mkdir -p "$WORK/tmp"
  chmod a+x "$TESTBED_WORK" "$WORK" # the engine's user has to get through
  for name in "${FIXED_SETTINGS[@]}" "${START_SETTINGS[@]}"; do printf '%s=%s\n' "$name" "${!name}"; done \
    >"$WORK/settings"
}

# What a shell needs to know to use the testbed.
settings_exports() {
  local i brokers=''
  for ((i = 0; i < BROKERS; i++)); do brokers+=${brokers:+,}http://127.0.0.1:$((BROKER_MANAGEMENT_PORT + i)); done
  export_lines \
    OPERATE_MANAGEMENT_API "http://127.0.0.1:$OPERATE_MANAGEMENT_PORT" \
    TASKLIST_MANAGEMENT_API "http://127.0.0.1:$TASKLIST_MANAGEMENT_PORT" \
    GATEWAY_MANAGEMENT_API "http://127.0.0.1:$GATEWAY_MANAGEMENT_PORT" \
    BROKER_MANAGEMENT_APIS "$brokers" \
    ELASTIC_ENDPOINT "$ENGINE_URL" \
    ELASTIC_SNAPSHOT_REPOSITORY "$SNAPSHOT_REPOSITORY" \
    ZEEBE_REST_ADDRESS "http://127.0.0.1:$GATEWAY_REST_PORT" \
    OPERATE_URL "http://127.0.0.1:$OPERATE_PORT" \
    TASKLIST_URL "http://127.0.0.1:$TASKLIST_PORT" \
    TESTBED_WORK "$TESTBED_WORK"
  [ "$PLATFORM" = processes ] || pods_exports
}

# export_lines NAME VALUE...: quoted only where it has to be, so that more than a shell can read the lines.
export_lines() {
  while [ $# -gt 0 ]; do
    if [[ $2 =~ ^[A-Za-z0-9_./:,-]*$ ]]; then echo "export $1=$2"; else echo "export $1=${2@Q}"; fi
    shift 2
  done
}
