#!/usr/bin/env bash
# Makes an address of the node's network, such as a Service's, reachable on a
# port of this machine's loopback, until down.sh. Unlike kubectl's port-forward
# it survives the death of pods and of the API server.
#   forward.sh PORT ADDRESS:PORT    an address, as the cluster's names are not known outside
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
[ $# = 2 ] || usage
need_root
need_node

mkdir -p "$WORK/forward"
file=$WORK/forward/$1
old=$(cat "$file" 2>/dev/null || true)
if is_process "$old" "nodetool forward 127.0.0.1:$1 $2 $(node_pid)"; then exit; fi
if is_process "$old" "nodetool forward 127.0.0.1:$1"; then kill "$old"; sleep 0.2; fi
setsid "$WORK/bin/nodetool" forward "127.0.0.1:$1" "$2" "$(node_pid)" </dev/null >>"$WORK/log/forward.log" 2>&1 9>&- &
echo $! >"$file"
disown
for ((i = 0; i < LIMIT * 10; i++)); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then exit; fi
  kill -0 "$(cat "$file")" 2>/dev/null || break
  sleep 0.1
done
die "nothing listens on 127.0.0.1:$1, see $WORK/log/forward.log"
