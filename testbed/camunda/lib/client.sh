# shellcheck shell=bash
# Deploying and starting processes: by REST, which Zeebe has for this since 8.6, and before by its command line client,
# which the distributions carried until then.

speaks_rest() { [[ $CAMUNDA_VERSION != 8.[0-5].* ]]; }

zbctl() { "$CAMUNDA_HOME/bin/zbctl" --insecure --address "127.0.0.1:$GATEWAY_GRPC_PORT" "$@"; }

deploy_process() { # FILE
  if speaks_rest; then
    curl -sSf -m "$LIMIT" -o /dev/null -H 'Accept: application/json' \
      -F "resources=@$1;type=application/octet-stream" "http://127.0.0.1:$GATEWAY_REST_PORT/v2/deployments"
  else
    zbctl deploy resource "$1" >/dev/null
  fi || die "could not deploy $1"
}

# start_instances: for each line "PROCESS VARIABLES" of standard input (VARIABLES: a JSON object), one instance.
start_instances() {
  if speaks_rest; then
    start_instances_rest
  else
    local process variables
    while read -r process variables; do
      zbctl create instance "$process" --variables "$variables" >/dev/null || die "could not start $process"
    done
  fi
}

# All by one curl: a process for each request would take longer than the requests.
start_instances_rest() {
  local requests answers
  requests=$(jq -rR --arg url "http://127.0.0.1:$GATEWAY_REST_PORT/v2/process-instances" --arg limit "$LIMIT" '
    capture("^(?<process>[^ ]+) (?<variables>.*)$")
    | {processDefinitionId: .process, variables: .variables | fromjson}
    | "next\nurl = \($url)\nheader = \"Content-Type: application/json\"\ndata = \(tojson | tojson)"
      + "\nmax-time = \($limit)\noutput = /dev/null\nwrite-out = \"%{http_code}\\n\""' | tail -n +2)
  answers=$(curl -sS -K - <<<"$requests" | sort | uniq -c)
  [[ $answers =~ ^\ *[0-9]+\ 200$ ]] || die "not all instances could be started; the answers: $answers"
}
