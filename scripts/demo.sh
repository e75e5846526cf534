#!/usr/bin/env bash
# Builds camunda-backup and shows its main job on a simulated release. Changes nothing outside this checkout: journals
# and logs go to a temporary folder that is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null || {
  echo 'demo: cargo is missing. Install Rust 1.89 or later (https://rustup.rs), then run make demo again.' >&2
  exit 1
}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }

say 'Building (the first time takes a few minutes, nearly all of it compiling libraries)'
cargo build --release --locked
tool=$PWD/target/release/kubectl-camunda_backup

work=$(mktemp -d)
sandboxes=()
cleanup() {
  for pid in "${sandboxes[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
export CAMUNDA_BACKUP_STATE_DIR=$work/state

# Starts a simulated release and puts its addresses into the environment.
sandbox() {
  local out=$work/sandbox-${#sandboxes[@]}
  "$tool" sandbox "$@" >"$out" 2>"$out.log" &
  sandboxes+=($!)
  for _ in $(seq 100); do
    if grep -q ELASTIC_SNAPSHOT_REPOSITORY "$out"; then
      eval "$(cat "$out")"
      return
    fi
    sleep 0.1
  done
  cat "$out.log" >&2
  return 1
}

# Runs the tool as a user would, and tells its exit code when it is not the expected one.
run() {
  local expected=$1 code=0
  shift
  show "camunda-backup $*"
  "$tool" "$@" || code=$?
  [ "$code" = 0 ] || printf '(exit code %s)\n' "$code"
  [ "$code" = "$expected" ] || { echo "demo: expected exit code $expected" >&2; exit 1; }
}

say '1. A simulated release: Operate, Tasklist, Optimize, a Zeebe cluster of three brokers, and Elasticsearch'
sandbox --brokers 3 --history 3
env | grep -E '^(OPERATE|TASKLIST|OPTIMIZE|GATEWAY|BROKER|ELASTIC)_' | sort

say '2. Could a backup be taken? Everything is asked, nothing is changed'
run 0 check

say '3. A whole backup: web applications, then exporting paused as shortly as possible for records and partitions'
run 0 create

say '4. All backups, joined over all components by their ID'
run 0 list

say '5. A backup that fails while exporting is paused: partition 2 fails, exporting is resumed before anything else'
sandbox --brokers 3 --fault 'gateway POST /actuator/backups partition-failed:2'
run 20 create
run 0 status

say '6. A backup that is killed with -9 while exporting is paused: its guard resumes exporting'
sandbox --brokers 3
show 'camunda-backup create &'
"$tool" create >"$work/killed" 2>&1 &
victim=$!
until grep -q 'exporting is paused' "$work/killed"; do sleep 0.05; done
show "kill -9 $victim"
kill -9 "$victim"
wait "$victim" 2>/dev/null || true
until grep -q 'exporting runs again' "$work/killed"; do sleep 0.05; done
grep guard: "$work/killed"
run 0 status

say 'That was the demo. README.md tells how to use it on a real release.'
