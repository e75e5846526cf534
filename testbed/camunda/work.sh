#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: work.sh complete N      complete N of the user tasks that Tasklist knows; print their keys
       work.sh cancel KEY...   cancel process instances in Zeebe; print "KEY STATUS" (204: done, 404: not known there,
                               maybe: not known there, after a request without an answer)
       work.sh resolve KEY...  the same with incidents: let Zeebe try again what failed
       work.sh jobs TYPE       have Zeebe give out all jobs of a type, for an hour; print "KEY INSTANCE VARIABLES" of each
       work.sh finish KEY...   complete jobs in Zeebe; print "KEY STATUS"
       work.sh load            start process instances until SIGTERM; print the key of each, or "failed WHY"
       work.sh data            print all that Operate and Tasklist tell, sorted: "KIND INSTANCE ...", of definitions "KIND - ..."

Work for a testbed of Camunda 8.6 or later, beside seed.sh. TESTBED_WORK says which testbed.
USAGE
}

case ${1:-} in
  -h | --help) usage; exit ;;
  complete | cancel | resolve | jobs | finish | load | data) ;;
  *) usage >&2; exit 2 ;;
esac
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
gateway=http://127.0.0.1:$GATEWAY_REST_PORT

# Zeebe may need a moment after a restart until a partition has its leader, and refuses when there is much to do: that is
# asked again. So is what was not answered; but then it may have been done, and 404 means "maybe".
post() { # PATH [WHAT-404-MEANS]
  local status code try done=${2:-404}
  for try in 1 2 3 4 5 6 7 8 9 10; do
    code=0
    status=$(curl -sS -m 60 -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d '{}' "$gateway$1") || code=$?
    case $code:$status in
      0:404) echo "$done"; return ;;
      0:504 | 28:*) done=maybe ;;
      0:503 | 0:429 | 7:*) sleep 1 ;;
      *) break ;;
    esac
  done
  echo "$status"
}

complete() {
  local keys key status
  keys=$(webapp_post tasklist /v1/tasks/search "{\"state\":\"CREATED\",\"pageSize\":$1}" | jq -r '.[].id')
  [ "$(wc -l <<<"$keys")" = "$1" ] || die "there are no $1 user tasks"
  for key in $keys; do
    status=$(post "/v2/user-tasks/$key/completion")
    [[ $status = 204 || $status = maybe ]] || die "user task $key: $status"
    echo "$key"
  done
}

# All by one curl, as a process for each request would take longer than the requests. What is not answered so is asked again.
each() { # WHAT COMMAND KEY...
  local what=$1 command=$2 requests key status; shift 2
  requests=$(for key in "$@"; do
    printf '%s\n' next "url = \"$gateway/v2/$what/$key/$command\"" 'header = "Content-Type: application/json"' 'data = "{}"' \
      'max-time = 60' 'output = /dev/null' "write-out = \"$key %{http_code}\\n\""
  done | tail -n +2)
  while read -r key status; do
    case $status in
      504 | 000) status=$(post "/v2/$what/$key/$command" maybe) ;;
      503 | 429) status=$(post "/v2/$what/$key/$command") ;;
    esac
    echo "$key $status"
  done < <(curl -sS -K - <<<"$requests")
}
cancel() { each process-instances cancellation "$@"; }
resolve() { each incidents resolution "$@"; }
finish() { each jobs completion "$@"; }

jobs() {
  curl -sS -m 60 --retry 10 --retry-delay 1 -H 'Content-Type: application/json' \
    -d "{\"type\":\"$1\",\"timeout\":3600000,\"maxJobsToActivate\":10000,\"worker\":\"testbed\"}" "$gateway/v2/jobs/activation" |
    jq -r '.jobs[] | "\(.jobKey // .key) \(.processInstanceKey) \(.variables | tojson)"'
}

load() {
  local stop='' requests i
  trap 'stop=1' TERM
  requests=$(for ((i = 0; i < 2; i++)); do
    [ "$i" = 0 ] || echo next
    printf 'url = "%s/v2/process-instances"\nheader = "Content-Type: application/json"\n' "$gateway"
    # shellcheck disable=SC2028  # curl reads the backslashes
    echo 'data = "{\"processDefinitionId\":\"order\",\"variables\":{\"customer\":\"load\",\"express\":false}}"'
  done)
  until [ -n "$stop" ]; do
    curl -sS -m 60 -K - <<<"$requests" | jq -r '.processInstanceKey // "failed \(.status) \(.title)"'
    sleep 0.1
  done
}

data() {
  {
    operate_all process-definitions | jq -r '"definition - \(.key) \(.bpmnProcessId) \(.version) \(.name)"'
    operate_all process-instances |
      jq -r '"instance \(.key) \(.processDefinitionKey) \(.processVersion) \(.bpmnProcessId) \(.state)"'
    operate_all flownode-instances | jq -r '"flownode \(.processInstanceKey) \(.key) \(.type) \(.flowNodeId) \(.state)"'
    operate_all variables | jq -r '"variable \(.processInstanceKey) \(.scopeKey) \(.name)=\(.value)"'
    operate_all incidents | jq -r '"incident \(.processInstanceKey) \(.key) \(.type) \(.message | tojson) \(.state)"'
    tasklist_all | jq -r '"task \(.processInstanceKey) \(.id) \(.name | tojson) \(.assignee) \(.taskState)"'
  } | sort
}

"$@"
