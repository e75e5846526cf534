# Settings and small helpers that every script here shares. Sourced, never run.
#   TESTBED_WORK    state, logs and kubeconfig, in its folder kube; one cluster per TESTBED_WORK
#   TESTBED_CACHE   what is built, in its folder kube; kept over checkouts and reboots
# Other testbeds may use the same two folders.
# shellcheck shell=bash
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$HERE/../lib.sh" # say, die, is_root, has
WORK=${TESTBED_WORK:-${TMPDIR:-/tmp}/camunda-backup-testbed}/kube
CACHE=${TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/camunda-backup-testbed}/kube
case $WORK in /*) ;; *) WORK=$PWD/$WORK ;; esac
case $CACHE in /*) ;; *) CACHE=$PWD/$CACHE ;; esac
own_folder "${WORK%/*}" 0711
own_folder "$WORK" 0700

usage() { # the script's own header is its help; reads: usage "$@" || ...
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

# PID WORDS: does that process still run, and is it the one we mean? Guards
# every kill against a number that the kernel has given to somebody else.
is_process() {
  local line
  [ -n "$1" ] && { line=$(tr '\0' ' ' <"/proc/$1/cmdline"); } 2>/dev/null && [[ $line == *"$2 "* ]]
}

# The cluster's first process, when it is alive and ours.
node_pid() {
  local pid
  pid=$(cat "$WORK/init.pid" 2>/dev/null) && is_process "$pid" "node/init.sh $WORK" && echo "$pid"
}

need_root() { is_root || die "needs root: it makes namespaces, mounts and cgroups"; }
need_node() { node_pid >/dev/null || die "no cluster runs under $WORK: start it with testbed/kube/up.sh"; }

# One of up.sh and down.sh at a time; TESTBED_LOCKED says that the caller has it.
lock_work() { # SECONDS
  [ -z "${TESTBED_LOCKED:-}" ] || return 0
  exec 9>"$WORK/lock"
  flock -w "$1" 9 || die "another up.sh or down.sh holds $WORK/lock"
  export TESTBED_LOCKED=1
}
