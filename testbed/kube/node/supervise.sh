# Keeps programs running. Sourced by init.sh.
# shellcheck shell=bash

# NAME COMMAND...: starts it, and again whenever it ends; its words go to
# log/NAME.log. node.sh uses pid/NAME to hit it and hold/NAME to keep it down.
supervise() {
  local name=$1
  shift
  mkdir -p /run/testbed/pid /run/testbed/hold
  (
    trap - TERM INT
    while :; do
      while [ -e "/run/testbed/hold/$name" ]; do sleep 0.2; done
      rc=0
      "$@" >>"$WORK/log/$name.log" 2>&1 &
      echo $! >"/run/testbed/pid/$name"
      wait $! || rc=$?
      echo "--- $name ended with $rc at $(date +%T), starting it again" >>"$WORK/log/$name.log"
      sleep 1
    done
  ) &
}

await() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}
