#!/usr/bin/env bash
# An API server that goes away in the middle of a backup.
#   apiserver.sh kill               SIGKILL; ready again about 4 s later
#   apiserver.sh stop|start         away for as long as the test says
#   apiserver.sh freeze|thaw        there, but silent
#   apiserver.sh wait [SECONDS]     until it is ready, 300 s unless told
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
case ${1:-} in
  kill | stop | start | freeze | thaw)
    [ $# = 1 ] || usage
    exec "$HERE/node.sh" "$1" apiserver
    ;;
  wait) ;;
  *) usage ;;
esac

need_node
end=$((SECONDS + ${2:-$LIMIT}))
until "$WORK/bin/kubectl" --kubeconfig "$WORK/kubeconfig" --request-timeout=2s get --raw /readyz >/dev/null 2>&1; do
  [ "$SECONDS" -lt "$end" ] || die "not ready after ${2:-$LIMIT} s, see $WORK/log/apiserver.log"
  sleep 0.2
done
