#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: work.sh complete N      complete N of the user tasks that Tasklist knows; print their keys
       work.sh cancel KEY...   cancel process instances in Zeebe; print "KEY STATUS" (204: done, 404: not known there)
       work.sh load            start process instances until SIGTERM; print the key of each
       work.sh instances       print "KEY PROCESS STATE" of all process instances that Operate knows, sorted

Work for a testbed of Camunda 8.6 or later, beside seed.sh. TESTBED_WORK says which testbed.
USAGE
}

case ${1:-} in
  -h | --help) usage; exit ;;
  complete | cancel | load | instances) ;;
  *) usage >&2; exit 2 ;;
esac
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
gateway=http://127.0.0.1:$GATEWAY_REST_PORT

# Zeebe may need a moment after a restart until a partition has its leader: 503 and the like are asked again.
post() { # PATH [BODY]
  curl -sS -m 60 --retry 10 --retry-delay 1 -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' \
    -d "${2:-{\}}" "$gateway$1"
}

complete() {
  local keys key status
  keys=$(webapp_post tasklist /v1/tasks/search "{\"state\":\"CREATED\",\"pageSize\":$1}" | jq -r '.[].id')
  [ "$(wc -l <<<"$keys")" = "$1" ] || die "there are no $1 user tasks"
  for key in $keys; do
    status=$(post "/v2/user-tasks/$key/completion")
    [ "$status" = 204 ] || die "user task $key: $status"
    echo "$key"
  done
}

cancel() {
  local key
  for key in "$@"; do echo "$key $(post "/v2/process-instances/$key/cancellation")"; done
}

load() {
  local stop='' requests i
  trap 'stop=1' TERM
  requests=$(for ((i = 0; i < 10; i++)); do
    [ "$i" = 0 ] || echo next
    printf 'url = "%s/v2/process-instances"\nheader = "Content-Type: application/json"\n' "$gateway"
    # shellcheck disable=SC2028  # curl reads the backslashes
    echo 'data = "{\"processDefinitionId\":\"order\",\"variables\":{\"customer\":\"load\",\"express\":false}}"'
  done)
  until [ -n "$stop" ]; do
    curl -sS -m 60 -K - <<<"$requests" | jq -r '.processInstanceKey // empty'
    sleep 0.5
  done
}

# Page by page, as Operate gives no more than 1000.
instances() {
  local page after='' n
  while :; do
    page=$(webapp_post operate /v1/process-instances/search \
      "{\"size\":1000,\"sort\":[{\"field\":\"key\",\"order\":\"ASC\"}]${after:+,\"searchAfter\":$after}}")
    jq -r '.items[] | "\(.key) \(.bpmnProcessId) \(.state)"' <<<"$page"
    n=$(jq '.items | length' <<<"$page")
    [ "$n" = 1000 ] || break
    after=$(jq -c '.sortValues' <<<"$page")
  done
}

"$@"
