# Starts the node and waits for it. Sourced by up.sh.
# shellcheck shell=bash

# Everything but the forwarder runs in mount, network, PID, IPC, UTS and cgroup
# namespaces of its own: nothing is bound on the machine but 127.0.0.1:$PORT,
# and down.sh has one process tree to end. Lock and stdin stay behind.
start_node() {
  rm -f "$WORK"/{init.pid,forward.pid,ready}
  BEGIN=$(date +%s%N)
  local outer kid='' i
  (
    exec 7>&- 9>&- </dev/null >"$WORK/log/init.log" 2>&1
    cgroup_join
    exec setsid env -i HOME="$WORK" LANG=C.UTF-8 \
      PATH="$WORK/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
      unshare --mount --propagation private --net --pid --ipc --uts --cgroup \
      --fork --kill-child=KILL --mount-proc bash "$HERE/node/init.sh" "$WORK"
  ) &
  outer=$!
  disown "$outer"
  for ((i = 0; i < LIMIT * 10; i++)); do
    kid=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null || true)
    kid=${kid%% *}
    if is_process "$kid" "node/init.sh $WORK"; then break; fi
    kid=
    [ -e "/proc/$outer" ] || break
    sleep 0.1
  done
  [ -n "$kid" ] || die "the namespaces did not start, see $WORK/log/init.log"
  echo "$kid" >"$WORK/init.pid"

  setsid "$WORK/bin/nodetool" forward "127.0.0.1:$PORT" "127.0.0.1:$PORT" "$kid" \
    </dev/null >"$WORK/log/forward.log" 2>&1 7>&- 9>&- &
  echo $! >"$WORK/forward.pid"
  disown
  await "port $PORT" listens
  kill -0 "$(cat "$WORK/forward.pid")" 2>/dev/null || die "port $PORT was taken meanwhile, see $WORK/log/forward.log"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$PORT"); }

await_node() {
  local ca=$WORK/etc/pki/ca.crt
  await "API server" curl -sf --cacert "$ca" "https://127.0.0.1:$PORT/readyz"
  await "default service account" admin get serviceaccount default
  admin apply -f "$WORK/etc/system.yaml" >/dev/null
  await "pause image" import_pause
  await "node" admin_says True get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
  await "DNS" "$HERE/exec.sh" curl -sf http://127.0.0.1:18181/ready
}

admin() { "$WORK/bin/kubectl" --kubeconfig "$WORK/kubeconfig" --request-timeout=5s "$@"; }
admin_says() { local want=$1; shift; [ "$(admin "$@")" = "$want" ]; }
import_pause() { "$HERE/exec.sh" ctr -n k8s.io images import - <"$PAUSE_IMAGE"; }

await() { # WHAT COMMAND...
  local what=$1 end=$((SECONDS + LIMIT))
  shift
  until "$@" >/dev/null 2>&1; do
    node_pid >/dev/null || die "the node ended, see $WORK/log"
    [ "$SECONDS" -lt "$end" ] || die "$what not ready after $LIMIT s, see $WORK/log"
    sleep 0.3
  done
  local tenths=$((($(date +%s%N) - BEGIN) / 100000000))
  say "$what ready after $((tenths / 10)).$((tenths % 10)) s"
}
