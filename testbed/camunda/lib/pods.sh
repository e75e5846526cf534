# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154
# PLATFORM=kubernetes: the components are pods with the names, labels, ports and configuration that Camunda's chart gives
# them (tests/fixtures/discovery), in the cluster of testbed/kube. Sourced last: what is a process of this machine
# elsewhere is a workload here, scaled to one or to none. Programs and data are this machine's own, mounted into the pods
# at the same paths, so that nothing has to be copied into images and what happens to data is done as elsewhere.

NAMESPACE=camunda
KUBE_TESTBED=$_lib/../../kube
KUBE=$TESTBED_WORK/kube
CHART_OBJECTS=$_lib/../../../tests/fixtures/discovery/8.6-8.7.yaml
POD_IMAGE=testbed.local/camunda:$CAMUNDA_VERSION
export TESTBED_WORK TESTBED_CACHE

[ "$BROKERS $ENGINE $CAMUNDA_VERSION" = "1 elasticsearch $WEBAPPS_VERSION" ] && speaks_rest \
  || die "on kubernetes there is one broker, Elasticsearch, and Camunda 8.6 or later"

kube() { "$KUBE/client/kubectl" --kubeconfig "$KUBE/kubeconfig" -n "$NAMESPACE" "$@"; }

workload() {
  case $1 in
    s3) echo deployment/s3 ;;
    engine) echo statefulset/camunda-elasticsearch-master ;;
    broker-0) echo statefulset/camunda-zeebe ;;
    gateway) echo deployment/camunda-zeebe-gateway ;;
    *) echo "deployment/camunda-$1" ;;
  esac
}

process_alive() { [ "$(kube get "$(workload "$1")" -o 'jsonpath={.spec.replicas}' 2>/dev/null)" = 1 ]; }

process_pid() { kube get pods -l "testbed=$1" -o 'jsonpath={.items[*].metadata.name}'; }

process_stop() { # NAME [SECONDS]
  process_alive "$1" || return 0
  kube scale "$(workload "$1")" --replicas=0 >/dev/null
  kube wait pods -l "testbed=$1" --for=delete --timeout="${2:-$LIMIT}s" >/dev/null || die "$1 does not end"
  say "stopped $1"
}

process_kill() {
  process_alive "$1" || return 0
  kube scale "$(workload "$1")" --replicas=0 >/dev/null
  kube delete pods -l "testbed=$1" --grace-period=1 >/dev/null
  say "killed $1"
}

_not_ready() {
  kube get pods -o wide >&2 || true
  kube logs -l "testbed=$1" --tail=40 2>&1 | cut -c 1-400 >&2 || true
  die "$1: $2"
}

component_launch() {
  ! process_alive "$1" || return 0
  [ -n "${PODS_PREPARED:-}" ] || pods_prepare
  pods_folders
  jq --arg name "$1" '.items[] | select(.kind != "Service" and .metadata.labels.testbed == $name) | .spec.replicas = 1' \
    "$WORK/objects.json" | kube apply -f - >/dev/null
}

# COMMAND...: with the ports and names that components have inside of the cluster.
inside() (
  BIND=0.0.0.0 ENGINE_PORT=9200 ENGINE_TRANSPORT_PORT=9300 S3_PORT=9001
  ENGINE_URL=http://camunda-elasticsearch:9200 S3_URL=http://s3:9001 GATEWAY_HOST=camunda-zeebe-gateway
  GATEWAY_GRPC_PORT=26500 GATEWAY_REST_PORT=8080 GATEWAY_MANAGEMENT_PORT=9600 GATEWAY_CLUSTER_PORT=26502
  OPERATE_PORT=8080 OPERATE_MANAGEMENT_PORT=9600 OPERATE_CLUSTER_PORT=26502
  TASKLIST_PORT=8080 TASKLIST_MANAGEMENT_PORT=9600 TASKLIST_CLUSTER_PORT=26502
  BROKER_MANAGEMENT_PORT=9600 BROKER_REST_PORT=8080 BROKER_COMMAND_PORT=26501 BROKER_INTERNAL_PORT=26502
  contact_points() { echo camunda-zeebe-0.camunda-zeebe:26502; }
  "$@"
)

pods_folders() {
  inside engine_prepare
  s3_prepare
  mkdir -p "$(broker_data 0)" "$WORK/tmp"
  chown -R "$ENGINE_USER": "$WORK"/{tmp,data,store}
}

pods_prepare() {
  local lines
  "$KUBE_TESTBED/up.sh" >/dev/null
  pods_folders
  pods_image
  lines=$(inside pods)
  kube create namespace "$NAMESPACE" --dry-run=client -o json | kube apply -f - >/dev/null
  chart_objects | jq -n -f "$_lib/pods.jq" --argjson pods "$lines" --arg image "$POD_IMAGE" \
    --argjson user "$(id -u "$ENGINE_USER")" --arg distribution "$CAMUNDA_HOME" --argjson mounts "$(pods_mounts)" \
    >"$WORK/objects.json"
  jq '.items |= map(select(.kind == "Service" or .kind == "ConfigMap"))' "$WORK/objects.json" | kube apply -f - >/dev/null
  pods_forwards
  PODS_PREPARED=1
}

# What the chart would install, as JSON.
chart_objects() {
  {
    sed -e 's/RELEASE/camunda/g' -e "s/NAMESPACE/$NAMESPACE/g" -e "s/TAG/$CAMUNDA_VERSION/g" -e 's/CHART/11.9.0/g' \
      -e 's/^kind: List/apiVersion: v1\n&/' \
      -e 's/^  - kind: \(Deployment\|StatefulSet\)/  - apiVersion: apps\/v1\n    kind: \1/' \
      -e 's/^  - kind: \(Service\|ConfigMap\)/  - apiVersion: v1\n    kind: \1/' "$CHART_OBJECTS"
    echo ---
    cat "$_lib/pods.yaml"
  } | kube create --dry-run=client --validate=false -o json -f -
}

# Folders with nothing in them, and what Debian's Java keeps in /etc.
pods_image() {
  local root=$WORK/root
  rm -rf "$root"
  mkdir -p "$root"/{etc,tmp} "$root"/usr/{bin,sbin,lib,lib64} "$root"/usr/local/{bin,zeebe,operate,tasklist,s3,elasticsearch}
  ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"
  chmod 1777 "$root/tmp"
  find /etc -maxdepth 1 -name 'java-*' -exec cp -r {} "$root/etc/" \;
  echo "testbed:x:$(id -u "$ENGINE_USER"):$(id -g "$ENGINE_USER")::/tmp:/bin/sh" >"$root/etc/passwd"
  "$KUBE_TESTBED/image.sh" "$POD_IMAGE" "$root" /bin/sh 2>/dev/null
}

# Path → whether it may be written to.
pods_mounts() {
  jq -n '{"/usr/bin": false, "/usr/lib": false, "/usr/lib64": false, ($cache): false, ($work): true}' \
    --arg cache "$CACHE" --arg work "$WORK"
}

# The programs by the names that their containers have in the chart.
pods() {
  local home=/usr/local app
  {
    s3_command
    s3_env | pod s3 s3 "${COMMAND[@]}"
    engine_env | pod elasticsearch engine "$WORK/engine/home/bin/$ENGINE"
    # The chart's start script takes the node's ID from the pod's name; it and the chart say where the broker is.
    { camunda_env $home/zeebe; broker_env 0; } | grep -vE '_(NODEID|ADVERTISEDHOST)=' \
      | pod zeebe broker-0 bash $home/bin/startup.sh
    # The name that the chart gives the cluster; the objects have it for the broker only.
    { camunda_env $home/zeebe; gateway_env; echo ZEEBE_GATEWAY_CLUSTER_CLUSTERNAME=camunda-zeebe; } \
      | sed 's/_ADVERTISEDHOST=.*/_ADVERTISEDHOST=$(POD_IP)/' | pod zeebe-gateway gateway $home/zeebe/bin/gateway
    for app in operate tasklist; do
      # The repository is what the chart's objects say, too.
      { camunda_env $home/$app; webapp_env $app; } | grep -v _REPOSITORYNAME= | pod $app $app $home/$app/bin/$app
    done
  } | jq -s add
}

# pod CONTAINER COMPONENT COMMAND...: with the variables of standard input, as a member of an object.
pod() {
  local container=$1 component=$2; shift 2
  jq -Rn --arg container "$container" --arg component "$component" \
    '{($container): {component: $component, command: $ARGS.positional,
      env: [inputs | capture("^(?<name>[^=]+)=(?<value>.*)$")]}}' --args -- "$@"
}

# From the testbed's ports on loopback to the Services.
pods_forwards() {
  local port service number address
  while read -r port service number; do
    address=$(kube get service "$service" -o 'jsonpath={.spec.clusterIP}')
    "$KUBE_TESTBED/forward.sh" "$port" "$address:$number"
  done <<FORWARDS
$S3_PORT s3 9001
$ENGINE_PORT camunda-elasticsearch 9200
$BROKER_MANAGEMENT_PORT testbed-broker-0 9600
$GATEWAY_REST_PORT camunda-zeebe-gateway 8080
$GATEWAY_MANAGEMENT_PORT camunda-zeebe-gateway 9600
$OPERATE_PORT camunda-operate 80
$OPERATE_MANAGEMENT_PORT camunda-operate 9600
$TASKLIST_PORT camunda-tasklist 80
$TASKLIST_MANAGEMENT_PORT camunda-tasklist 9600
FORWARDS
}

# The broker's pod, but with the restore application, an empty data directory, and none of the labels by which Services
# find pods.
broker_restore() { # NODE BACKUP
  local job=restore-$1 ended
  rm -rf "$(broker_data "$1")"
  pods_folders
  kube delete job "$job" --ignore-not-found >/dev/null
  jq --arg job "$job" --arg backup "$2" '
    .items[] | select(.kind == "StatefulSet" and .metadata.labels.testbed == "broker-0") | .spec.template
    | .metadata.labels = {testbed: $job}
    | .spec.restartPolicy = "Never"
    | .spec.containers[0] |= (del(.readinessProbe) | .command = ["/usr/local/zeebe/bin/restore", "--backupId=" + $backup]
        | .env += [{name: "ZEEBE_BROKER_CLUSTER_NODEID", value: ($job | ltrimstr("restore-"))}])
    | {apiVersion: "batch/v1", kind: "Job", metadata: {name: $job}, spec: {backoffLimit: 0, template: .}}' \
    "$WORK/objects.json" | kube apply -f - >/dev/null
  for ((ended = 0; ended < LIMIT; ended++)); do
    case $(kube get job "$job" -o 'jsonpath={.status.succeeded},{.status.failed}') in
      1,) return ;;
      ,) sleep 1 ;;
      *) break ;;
    esac
  done
  _not_ready "$job" "the restore of broker $1 failed"
}

pods_exports() {
  export_lines KUBECONFIG "$KUBE/kubeconfig" NAMESPACE "$NAMESPACE"
  has kubectl || printf 'export PATH=%q:$PATH\n' "$KUBE/client"
}
