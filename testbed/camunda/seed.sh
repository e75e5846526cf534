#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: seed.sh [--deployed] [N]

Deploys three small processes and starts N instances (default 100), with variables. Of ten: four wait at a user task,
two at a job, three complete, one gets an incident. Waits until Operate and Tasklist have imported them, and prints
the counts (see count.sh). TESTBED_WORK says which testbed.

--deployed   the processes are there: do not deploy them
USAGE
}

deployed=
case ${1:-} in
  -h | --help) usage; exit ;;
  --deployed) deployed=1; shift ;;
esac
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

n=${1:-100}
[[ $n =~ ^[0-9]+$ ]] || die "not a number: $n"

# Lines "PROCESS VARIABLES".
instances() {
  local i
  for ((i = 1; i <= n; i++)); do
    case $((i % 10)) in
      1 | 4 | 6 | 9) printf 'order {"number":%d,"customer":"customer %d","express":false}\n' "$i" $((i % 7)) ;;
      2 | 7) printf 'order {"number":%d,"customer":"customer %d","express":true}\n' "$i" $((i % 7)) ;;
      3 | 5 | 8) printf 'notification {"number":%d,"text":"message %d"}\n' "$i" "$i" ;;
      0) printf 'invoice {"number":%d,"amount":%d}\n' "$i" $((i * 11)) ;;
    esac
  done
}

# All counts that a seeding changes, as they are imported in no fixed order. Not the tasks on OpenSearch, where
# Tasklist 8.6.0 may not import them all (a NumberFormatException in its importer).
changes() {
  jq -c --arg engine "$ENGINE" '
    [.operate.processInstances.active, .operate.processInstances.completed, .operate.incidents,
      (.tasklist.tasks.created | select($engine == "elasticsearch"))]'
}

before=$(all_counts | changes)
if [ -z "$deployed" ]; then for file in "$here"/processes/*.bpmn; do deploy_process "$file"; done; fi
say "starting $n instances"
instances | start_instances

expected=$(instances | jq -Rsc --argjson before "$before" '
  split("\n")
  | [map(select(test("^(order|invoice)"))), map(select(startswith("notification"))),
      map(select(startswith("invoice"))), map(select(test("^order.*false")))]
  | map(length) as $added
  | $before | to_entries | map(.value + $added[.key])')
# Importers rest the longer the less there is to do, and a busy machine makes them slow: this is not what is tested.
# Those of 8.6 may also miss a batch that is handed over in the moment in which the one before it ends; it lies until the
# next of its kind comes, or until a restart (camunda/camunda#28484).
limit=$((300 + n / 5)) begin=$SECONDS moved=$SECONDS last=''
until now=$(all_counts | changes); [ "$now" = "$expected" ]; do
  [ "$now" = "$last" ] || { last=$now moved=$SECONDS; }
  if [ $((SECONDS - begin)) -ge "$limit" ]; then
    all_counts
    die "not all imported after $limit s: $now, expected $expected" \
      "(active, completed, incidents, tasks; before: $before)"
  fi
  if [ $((SECONDS - moved)) -ge 90 ]; then
    say "nothing imported for 90 s, Operate and Tasklist are restarted: $now, expected $expected"
    "$here"/component.sh restart operate tasklist
    moved=$SECONDS
  fi
  sleep 1
done
say "imported ($((SECONDS - begin)) s)"
all_counts
