# shellcheck shell=bash
# Zeebe: the brokers (without embedded gateway) and one gateway, as the Helm chart lays them out.

# Flags that keep a JVM small, at the cost of its top speed. $1: the heap.
java_options() {
  printf '%s' "-Xms32m -Xmx$1 -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k -XX:MaxMetaspaceSize=256m" \
    " -XX:ReservedCodeCacheSize=96m -XX:MaxDirectMemorySize=160m -Djava.io.tmpdir=$WORK/tmp"
}

# camunda_command HOME SCRIPT VARIABLE...: sets the array COMMAND to what runs bin/SCRIPT of a distribution. Nothing of
# our environment goes there but PATH, as Spring would take a variable such as CAMUNDA_VERSION for a setting.
camunda_command() {
  local home=$1 script=$2 common; shift 2
  common=$(camunda_env "$home")
  mapfile -t common <<<"$common"
  COMMAND=(env -i PATH="$PATH" "${common[@]}" "$@" "$home/bin/$script")
}

# What all of a distribution's programs get.
camunda_env() { # HOME
  local java
  java=$(camunda_java) || die "Camunda needs Java 21 or newer"
  printf '%s\n' "HOME=$WORK/tmp" "JAVA_HOME=$java" ZEEBE_LOG_APPENDER=Console \
    "LOG4J_CONFIGURATION_FILE=$1/config/log4j2.xml" "SERVER_ADDRESS=$BIND" "MANAGEMENT_SERVER_ADDRESS=$BIND"
}

contact_points() {
  local i points=''
  for ((i = 0; i < BROKERS; i++)); do points+=${points:+,}127.0.0.1:$((BROKER_INTERNAL_PORT + i)); done
  printf '%s' "$points"
}

# The variables of broker $1, one a line; its restore needs the same.
broker_env() {
  local i=$1 exporter class
  printf '%s\n' "JAVA_OPTS=$(java_options "$BROKER_HEAP")" \
    "SERVER_PORT=$((BROKER_REST_PORT + i))" "MANAGEMENT_SERVER_PORT=$((BROKER_MANAGEMENT_PORT + i))" \
    ZEEBE_BROKER_GATEWAY_ENABLE=false \
    "ZEEBE_BROKER_NETWORK_HOST=$BIND" ZEEBE_BROKER_NETWORK_ADVERTISEDHOST=127.0.0.1 \
    "ZEEBE_BROKER_NETWORK_COMMANDAPI_PORT=$((BROKER_COMMAND_PORT + i))" \
    "ZEEBE_BROKER_NETWORK_INTERNALAPI_PORT=$((BROKER_INTERNAL_PORT + i))" \
    "ZEEBE_BROKER_CLUSTER_NODEID=$i" "ZEEBE_BROKER_CLUSTER_CLUSTERSIZE=$BROKERS" \
    "ZEEBE_BROKER_CLUSTER_REPLICATIONFACTOR=$REPLICATION" "ZEEBE_BROKER_CLUSTER_PARTITIONSCOUNT=$PARTITIONS" \
    "ZEEBE_BROKER_CLUSTER_INITIALCONTACTPOINTS=$(contact_points)" \
    "ZEEBE_BROKER_DATA_DIRECTORY=$(broker_data "$i")" \
    ZEEBE_BROKER_DATA_LOGSEGMENTSIZE=16MB \
    ZEEBE_BROKER_DATA_DISK_FREESPACE_PROCESSING=500MB ZEEBE_BROKER_DATA_DISK_FREESPACE_REPLICATION=200MB \
    ZEEBE_BROKER_EXPERIMENTAL_ROCKSDB_MEMORYLIMIT=32MB \
    ZEEBE_BROKER_THREADS_CPUTHREADCOUNT=1 ZEEBE_BROKER_THREADS_IOTHREADCOUNT=1

  if [ "$ENGINE" = elasticsearch ]; then
    class=io.camunda.zeebe.exporter.ElasticsearchExporter
  else
    class=io.camunda.zeebe.exporter.opensearch.OpensearchExporter
  fi
  exporter=ZEEBE_BROKER_EXPORTERS_${ENGINE^^}
  # Small bulks, so that what happened can be seen soon.
  printf '%s\n' "${exporter}_CLASSNAME=$class" "${exporter}_ARGS_URL=$ENGINE_URL" \
    "${exporter}_ARGS_BULK_SIZE=100" "${exporter}_ARGS_BULK_DELAY=1" \
    "${exporter}_ARGS_INDEX_NUMBEROFREPLICAS=0" "${exporter}_ARGS_INDEX_NUMBEROFSHARDS=1"

  if [ "$BACKUP_STORE" = S3 ]; then s3_broker_env; fi
  words "$EXTRA_BROKER_ENV"
}

broker_data() { printf '%s' "$WORK/data/broker-$1"; }

# words STRING: its words, one a line.
words() { tr -s ' ' '\n' <<<"$1" | sed '/^$/d'; }

broker_launch() {
  local variables
  ports_free $((BROKER_REST_PORT + $1)) $((BROKER_MANAGEMENT_PORT + $1)) $((BROKER_COMMAND_PORT + $1)) \
    $((BROKER_INTERNAL_PORT + $1))
  mkdir -p "$(broker_data "$1")"
  mapfile -t variables < <(broker_env "$1")
  camunda_command "$CAMUNDA_HOME" broker "${variables[@]}"
  process_start "broker-$1" "${COMMAND[@]}"
}

broker_wait() { wait_ready "broker-$1" "$LIMIT" broker_ready "$1"; }

broker_ready() {
  local management=http://127.0.0.1:$((BROKER_MANAGEMENT_PORT + $1))
  answers "$management/actuator/health/startup" UP || return 1
  curl -sf -m 5 "$management/actuator/partitions" \
    | jq -e 'length > 0 and all(.[]; .role == "LEADER" or .role == "FOLLOWER")' || return 1
  # The gateway learns of a broker that came back a little later; until then its requests fail.
  ! process_alive gateway || topology_has "$1"
}

gateway_env() {
  printf '%s\n' "JAVA_OPTS=$(java_options "$GATEWAY_HEAP")" \
    "SERVER_PORT=$GATEWAY_REST_PORT" "MANAGEMENT_SERVER_PORT=$GATEWAY_MANAGEMENT_PORT" \
    "ZEEBE_GATEWAY_NETWORK_HOST=$BIND" "ZEEBE_GATEWAY_NETWORK_PORT=$GATEWAY_GRPC_PORT" \
    "ZEEBE_GATEWAY_CLUSTER_HOST=$BIND" ZEEBE_GATEWAY_CLUSTER_ADVERTISEDHOST=127.0.0.1 \
    "ZEEBE_GATEWAY_CLUSTER_PORT=$GATEWAY_CLUSTER_PORT" \
    "ZEEBE_GATEWAY_CLUSTER_INITIALCONTACTPOINTS=$(contact_points)"
  words "$EXTRA_GATEWAY_ENV"
}

gateway_launch() {
  local variables
  ports_free "$GATEWAY_GRPC_PORT" "$GATEWAY_REST_PORT" "$GATEWAY_MANAGEMENT_PORT" "$GATEWAY_CLUSTER_PORT"
  mapfile -t variables < <(gateway_env)
  camunda_command "$CAMUNDA_HOME" gateway "${variables[@]}"
  process_start gateway "${COMMAND[@]}"
}

gateway_wait() { wait_ready gateway "$LIMIT" gateway_ready; }

gateway_ready() {
  local i
  answers "http://127.0.0.1:$GATEWAY_MANAGEMENT_PORT/actuator/health/startup" UP || return 1
  for ((i = 0; i < BROKERS; i++)); do
    ! process_alive "broker-$i" || topology_has "$i" || return 1
  done
}

# Whether the gateway sees broker $1 with healthy partitions.
topology_has() {
  local api=v2
  [[ $CAMUNDA_VERSION != 8.[0-5].* ]] || api=v1
  curl -sf -m 5 "http://127.0.0.1:$GATEWAY_REST_PORT/$api/topology" | jq -e --argjson id "$1" '
    any(.brokers[]; .nodeId == $id and (.partitions | length > 0)
      and all(.partitions[]; (.health | ascii_downcase) == "healthy"))'
}

# broker_restore NODE BACKUP: the restore application, on an empty data directory.
broker_restore() {
  local variables
  rm -rf "$(broker_data "$1")"
  mkdir -p "$(broker_data "$1")"
  mapfile -t variables < <(broker_env "$1")
  camunda_command "$CAMUNDA_HOME" restore "${variables[@]}"
  "${COMMAND[@]}" "--backupId=$2" >"$LOG_DIR/restore-$1.log" 2>&1 </dev/null && return
  tail -n 20 "$LOG_DIR/restore-$1.log" | cut -c 1-400 >&2
  die "restore of broker $1 failed (the end of $LOG_DIR/restore-$1.log)"
}
