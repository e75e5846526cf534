# shellcheck shell=bash
# Operate and Tasklist: each a process of its own, with its management API on a port of its own.

webapp_launch() { # operate|tasklist
  local port=${1^^}_PORT management=${1^^}_MANAGEMENT_PORT variables
  ports_free "${!port}" "${!management}"
  mapfile -t variables < <(webapp_env "$1")
  camunda_command "$WEBAPPS_HOME" "$1" "${variables[@]}"
  process_start "$1" "${COMMAND[@]}"
}

webapp_env() { # operate|tasklist
  local app=$1 name=${1^^} key port management cluster extra
  port=${name}_PORT management=${name}_MANAGEMENT_PORT cluster=${name}_CLUSTER_PORT extra=EXTRA_${name}_ENV
  key=CAMUNDA_${name}_${ENGINE^^}
  # While the engine is away, Tasklist's importer tries again without a pause and logs a stack trace each time:
  # gigabytes within minutes, and so busy that the engine takes twice as long to come back.
  printf '%s\n' "JAVA_OPTS=$(java_options "$WEBAPP_HEAP") -Dlogging.level.io.camunda.tasklist.zeebeimport=off" \
    "SERVER_PORT=${!port}" "MANAGEMENT_SERVER_PORT=${!management}" \
    "CAMUNDA_DATABASE_TYPE=$ENGINE" "CAMUNDA_DATABASE_URL=$ENGINE_URL" \
    "CAMUNDA_${name}_DATABASE=$ENGINE" \
    "CAMUNDA_${name}_${ENGINE^^}_URL=$ENGINE_URL" "CAMUNDA_${name}_ZEEBE${ENGINE^^}_URL=$ENGINE_URL" \
    "${key}_NUMBEROFREPLICAS=0" "${key}_CLUSTERNAME=$ENGINE" \
    "CAMUNDA_${name}_ZEEBE${ENGINE^^}_CLUSTERNAME=$ENGINE" \
    "CAMUNDA_${name}_ZEEBE_GATEWAYADDRESS=$GATEWAY_HOST:$GATEWAY_GRPC_PORT" \
    "CAMUNDA_${name}_ZEEBE_RESTADDRESS=http://$GATEWAY_HOST:$GATEWAY_REST_PORT" \
    "CAMUNDA_${name}_CSRFPREVENTIONENABLED=false" "CAMUNDA_${name}_CSRF_PREVENTION_ENABLED=false"
  # Each opens a port of Zeebe's cluster protocol too, on all addresses unless told otherwise.
  printf '%s\n' "ZEEBE_GATEWAY_CLUSTER_HOST=$BIND" "ZEEBE_GATEWAY_CLUSTER_PORT=${!cluster}"
  if [ -n "$SNAPSHOT_REPOSITORY" ]; then echo "CAMUNDA_${name}_BACKUP_REPOSITORYNAME=$SNAPSHOT_REPOSITORY"; fi
  # Tasklist's archiver needs the plugin for index state management, and ends the process where it is missing.
  if [ "$app $ENGINE" = 'tasklist opensearch' ]; then echo CAMUNDA_TASKLIST_ARCHIVERENABLED=false; fi
  words "${!extra}"
}

webapp_wait() {
  local management=${1^^}_MANAGEMENT_PORT
  wait_ready "$1" "$LIMIT" answers "http://127.0.0.1:${!management}/actuator/health" '"status" *: *"UP"'
  [ "$1" != tasklist ] || tasklist_bears_whole_seconds
}

# Of a user task in whose time the milliseconds are zero Tasklist 8.6.0 writes a time that its own index refuses, and then
# imports no other of that partition (camunda/camunda#27237). One in a thousand is too often here: the index is to bear it.
tasklist_bears_whole_seconds() {
  curl -sSf -m 60 "$ENGINE_URL/tasklist-list-view-*/_mapping" | jq -c '
    .[].mappings.properties | with_entries(select(.value.type == "date") | .value.ignore_malformed = true)
    | {properties: .}' |
    while read -r mapping; do
      curl -sSf -m 60 -o /dev/null -X PUT "$ENGINE_URL/tasklist-list-view-*/_mapping" \
        -H 'Content-Type: application/json' -d "$mapping"
    done || die "the index of Tasklist's user tasks cannot be changed"
}

# webapp_post APP PATH BODY: a request to its public API, which wants a login (the management API does not).
webapp_post() {
  local port=${1^^}_PORT url cookies answer begin=$SECONDS
  url=http://127.0.0.1:${!port}
  cookies=$WORK/tmp/$1.cookies
  # The session may have ended with the process that held it.
  until [ -s "$cookies" ] \
    && answer=$(curl -sSf -m 60 -b "$cookies" -H 'Content-Type: application/json' -d "$3" "$url$2" 2>&1); do
    [ $((SECONDS - begin)) -lt "$LIMIT" ] || die "$1 does not answer $2 within $LIMIT s: ${answer:-}"
    webapp_login "$url" "$cookies" || sleep 1
  done
  printf '%s\n' "$answer"
}

webapp_login() { # URL COOKIES
  rm -f "$2"
  curl -sSf -m 60 -c "$2" -o /dev/null -X POST "$1/api/login?username=demo&password=demo"
}
