#!/usr/bin/env bash
# Breaks one of the node's programs on purpose, and mends it.
#   node.sh kill PROGRAM      SIGKILL; it is started again a second later
#   node.sh stop PROGRAM      SIGKILL, and it stays away until start
#   node.sh start PROGRAM
#   node.sh freeze PROGRAM    SIGSTOP: connections are taken, nothing answers
#   node.sh thaw PROGRAM
# PROGRAM: etcd containerd apiserver kubelet controller-manager scheduler proxy dns
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
[ $# = 2 ] || usage
need_root
need_node

# node/init.sh keeps these two; they are in the node's own /run.
pid=/run/testbed/pid/$2 hold=/run/testbed/hold/$2
inside() { "$HERE/exec.sh" "$@"; }
inside test -e "$pid" || usage
send() { inside sh -c "kill -$1 \$(cat $pid)"; }

case $1 in
  kill) send KILL ;;
  stop) inside touch "$hold" && { send KILL || true; } ;; # perhaps it is down already
  start) inside rm -f "$hold" ;;
  freeze) send STOP ;;
  thaw) send CONT ;;
  *) usage ;;
esac
