# Mounts that only the node's mount namespace sees. Sourced by init.sh.
# shellcheck shell=bash

private_mounts() {
  mount --make-rshared /
  private_cgroups
  # Sockets live in /run, not under WORK: a socket's path has 107 bytes at most.
  mount -t tmpfs -o mode=755,size=256m tmpfs /run
  mkdir -p /run/lock /run/netns
  local d
  for d in kubelet cni; do
    mkdir -p "$WORK/state/$d" "/var/lib/$d"
    mount --bind "$WORK/state/$d" "/var/lib/$d"
  done
  mkdir -p "$WORK/log/var"
  mount --bind "$WORK/log/var" /var/log
  private_sysctls
}

# A new /sys with the hierarchies that the machine has, each seen from the
# node's own group down.
private_cgroups() {
  local d n kind controllers=()
  kind=$(stat -fc %T /sys/fs/cgroup)
  if [ "$kind" = cgroup2fs ]; then # written from the documentation, not run yet
    mount -t sysfs sysfs /sys
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mkdir -p /sys/fs/cgroup/inner # a group with processes cannot hand controllers down
    echo 0 >/sys/fs/cgroup/inner/cgroup.procs
    read -ra controllers </sys/fs/cgroup/cgroup.controllers
    for n in "${controllers[@]}"; do
      echo "+$n" >/sys/fs/cgroup/cgroup.subtree_control || true
    done
    return
  fi
  for d in /sys/fs/cgroup/*/; do
    d=${d%/}
    [ ! -L "$d" ] && [ -e "$d/cgroup.procs" ] && controllers+=("${d##*/}")
  done
  mount -t sysfs sysfs /sys
  mount -t tmpfs -o mode=755,size=1m tmpfs /sys/fs/cgroup
  for n in "${controllers[@]}"; do
    mkdir "/sys/fs/cgroup/$n"
    case $n in
      systemd) mount -t cgroup -o none,name=systemd cgroup "/sys/fs/cgroup/$n" ;;
      unified) mount -t cgroup2 cgroup2 "/sys/fs/cgroup/$n" ;;
      *) mount -t cgroup -o "$n" cgroup "/sys/fs/cgroup/$n" ;;
    esac
  done
}

# The kubelet sets these for the whole machine, whatever namespace it is in:
# let it write to copies instead.
private_sysctls() {
  local f copy
  mkdir /run/sysctl
  for f in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    [ -e "/proc/sys/$f" ] || continue
    copy=/run/sysctl/${f//\//.}
    cat "/proc/sys/$f" >"$copy"
    mount --bind "$copy" "/proc/sys/$f"
  done
}
