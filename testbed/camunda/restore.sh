#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: restore.sh [--keep-engine] ID SNAPSHOT...

Loses all data and restores backup ID by the documented steps: everything is stopped, the data of the brokers and of
the engine are wiped (the snapshots and the S3 store remain), the snapshots are restored, then each broker by Zeebe's
restore application, everything is started again, and what is left of the log after the backup is written over.

The snapshots are those that the tool names:
  camunda-backup describe ID -o json | jq -r '.pieces | (.operate, .tasklist, .records)[].name'

--keep-engine   do not wipe the engine, only delete the indices: quicker

TESTBED_WORK says which testbed.
USAGE
}

keep_engine=
case ${1:-} in
  -h | --help) usage; exit ;;
  --keep-engine) keep_engine=1; shift ;;
esac
[ $# -ge 2 ] || { usage >&2; exit 2; }
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
[ -f "$WORK/settings" ] || die "no testbed in $TESTBED_WORK"
id=$1; shift
names=("$@")
[[ $id =~ ^[1-9][0-9]*$ ]] || die "not a backup id: $id"

engine_call() { # METHOD PATH
  curl -sSf -m 300 -X "$1" "$ENGINE_URL/$2" || die "$1 /$2 failed"
}

delete_indices() {
  engine_call DELETE 'operate-*,tasklist-*,zeebe-record*?expand_wildcards=all&ignore_unavailable=true' >/dev/null
}

# Operate and Tasklist make their index templates only when they find no indices of theirs, and snapshots restored
# by name do not bring templates. So all starts once on the empty engine, before the indices are replaced. (With Zeebe:
# Operate ends itself when it finds none.)
make_templates() {
  components_start "${camunda[@]}"
  components_stop "${camunda[@]}"
}

restore_snapshot() { # NAME
  local answer
  answer=$(engine_call POST "_snapshot/$SNAPSHOT_REPOSITORY/$1/_restore?wait_for_completion=true")
  jq -e '.snapshot.shards.failed == 0' <<<"$answer" >/dev/null || die "restore of $1: $answer"
}

# Has Zeebe answer a command that changes nothing: the failure of a job that is not there. Prints the HTTP status.
fail_no_job() { # PARTITION LENGTH LIMIT
  printf '{"retries":1,"errorMessage":"%*s"}' "$2" '' |
    curl -sS -m "$3" -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d @- \
      "http://127.0.0.1:$GATEWAY_REST_PORT/v2/jobs/$((($1 << 51) + 1))/failure" 2>/dev/null || true
}

# What was logged after the checkpoint stays in the file of the log: Zeebe backs it up as a whole, and on restoring only
# forgets the end. A record that is written over it keeps of the old bytes what it does not set, such as the mark "was
# processed already"; a command with it is never processed and never answered. One large command gets over all of it.
# See docs/restore.md.
overwrite_rests() {
  local partition begin=$SECONDS
  for ((partition = 1; partition <= PARTITIONS; partition++)); do
    # It may be marked itself.
    until fail_no_job "$partition" 2000000 5 >/dev/null; [ "$(fail_no_job "$partition" 1 20)" = 404 ]; do
      [ $((SECONDS - begin)) -lt 300 ] || die "partition $partition answers no command after the restore"
      sleep 1
    done
  done
}

restore_all() {
  local name camunda i begin=$SECONDS
  say "stopping Camunda"
  mapfile -t camunda < <(component_names | grep -vxE 's3|engine')
  components_stop "${camunda[@]}"

  if [ -z "$keep_engine" ]; then
    say "wiping the engine"
    components_stop engine
    engine_wipe
    rm -rf "$WORK"/data
    components_start engine
    make_templates
  fi
  delete_indices

  say "restoring ${#names[@]} snapshots"
  for name in "${names[@]}"; do restore_snapshot "$name"; done

  for ((i = 0; i < BROKERS; i++)); do
    say "restoring broker $i"
    broker_restore "$i" "$id"
  done

  components_start "${camunda[@]}"
  overwrite_rests
  say "restored in $((SECONDS - begin)) s"
}

[ -n "$SNAPSHOT_REPOSITORY" ] && [ "$BACKUP_STORE" != NONE ] || die "this testbed has nowhere to keep backups"
artifacts_install
mapfile -t stores < <(component_names | grep -xE 's3|engine')
components_start "${stores[@]}"
exclusively "$WORK/lock" restore_all
