# One cgroup of the cluster's own at the top of every hierarchy, so that its
# pods are neither under the caller's limits nor mixed with the machine's.
# Sourced. cgroup v1 is what was tried; the v2 branches have not been run.
# shellcheck shell=bash

cgroup_name() { echo "camunda-backup-testbed-$(printf %s "$WORK" | cksum | cut -d' ' -f1)"; }

# Called in the process that becomes the namespaces' first.
cgroup_join() {
  local cg d
  cg=$(cgroup_name)
  if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    mkdir -p "/sys/fs/cgroup/$cg"
    echo 0 >"/sys/fs/cgroup/$cg/cgroup.procs"
    return
  fi
  for d in /sys/fs/cgroup/*/; do
    d=${d%/}
    [ ! -L "$d" ] && [ -e "$d/cgroup.procs" ] || continue
    mkdir -p "$d/$cg"
    if [ -e "$d/cpuset.cpus" ]; then # a new cpuset starts empty and takes no process
      cat "$d/cpuset.cpus" >"$d/$cg/cpuset.cpus"
      cat "$d/cpuset.mems" >"$d/$cg/cpuset.mems"
    fi
    if [ -e "$d/$cg/memory.use_hierarchy" ]; then
      echo 1 2>/dev/null >"$d/$cg/memory.use_hierarchy" || true
    fi
    echo 0 >"$d/$cg/cgroup.procs"
  done
}

# The kernel needs a moment to let go of the last processes: try for 10 s.
cgroup_remove() {
  local cg d left i
  cg=$(cgroup_name)
  for ((i = 0; i < 50; i++)); do
    left=
    for d in "/sys/fs/cgroup/$cg" /sys/fs/cgroup/*/"$cg"; do
      [ -d "$d" ] || continue
      find "$d" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [ ! -d "$d" ] || left=$d
    done
    [ -n "$left" ] || return 0
    sleep 0.2
  done
  say "could not remove $left"
}
