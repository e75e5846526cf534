#!/usr/bin/env bash
# Stops the cluster that up.sh started under the same TESTBED_WORK. Safe to
# call again; never touches a cluster named by TESTBED_KUBECONFIG.
#   down.sh            stop it and drop its state (etcd, images, pods)
#   down.sh --keep     stop it, keep its state for the next up.sh
#   down.sh --purge    drop TESTBED_CACHE, the built binaries, too
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
. "$HERE/lib/cgroup.sh"
case ${1:-} in '' | --keep | --purge) ;; *) usage ;; esac

end() { # PID WORDS
  local i
  is_process "$1" "$2" || return 0
  kill -KILL "$1" 2>/dev/null || true
  for ((i = 0; i < LIMIT * 10; i++)); do [ -e "/proc/$1" ] || return 0; sleep 0.1; done
}

if [ -d "$WORK" ]; then
  need_root
  lock_work "$LIMIT"
  end "$(cat "$WORK/forward.pid" 2>/dev/null || true)" "nodetool forward"
  # The first process of the PID namespace: the kernel ends all others with it.
  end "$(cat "$WORK/init.pid" 2>/dev/null || true)" "node/init.sh $WORK"
  for file in "$WORK"/forward/*; do end "$(cat "$file" 2>/dev/null || true)" "nodetool forward"; done
  rm -rf "$WORK"/{init.pid,forward.pid,forward,ready,kubeconfig}
  cgroup_remove
  [ "${1:-}" = --keep ] || rm -rf "${WORK:?}"/{state,etc,log,bin,client}
fi
[ "${1:-}" != --purge ] || rm -rf "$CACHE"
