#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: component.sh start|stop|kill|restart NAME...
       component.sh status [NAME...]
       component.sh log NAME

Takes a component of a testbed away and brings it back. start waits until it is ready to serve; stop asks it to end;
kill is SIGKILL. status exits 3 when one of them is not running.
Components: s3 engine broker-0.. gateway operate tasklist.  TESTBED_WORK says which testbed.
USAGE
}

case ${1:-} in
  -h | --help) usage; exit ;;
  start | stop | kill | restart | status | log) ;;
  *) usage >&2; exit 2 ;;
esac
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
[ -f "$WORK/settings" ] || die "no testbed in $TESTBED_WORK (up.sh makes one)"

verb=$1; shift
if [ $# = 0 ] && [ "$verb" = status ]; then mapfile -t names < <(component_names); set -- "${names[@]}"; fi
[ $# -gt 0 ] || { usage >&2; exit 2; }
for name in "$@"; do component_check "$name"; done

case $verb in
  start) exclusively "$WORK/lock" components_start "$@" >&2 ;;
  stop) components_stop "$@" ;;
  kill) for name in "$@"; do process_kill "$name"; done ;;
  restart) components_stop "$@"; exclusively "$WORK/lock" components_start "$@" >&2 ;;
  log) cat "$LOG_DIR/$1.log" ;;
  status)
    result=0
    for name in "$@"; do component_status "$name" || result=3; done
    exit "$result"
    ;;
esac
