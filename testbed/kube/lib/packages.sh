# The Debian packages that the node needs. Sourced by up.sh.
# shellcheck shell=bash

node_packages() {
  local missing=()
  want() { has "$1" || [ -e "$1" ] || missing+=("$2"); }
  want nsenter util-linux
  want ip iproute2
  want curl curl
  want containerd containerd
  want runc runc
  want /usr/lib/cni/ptp containernetworking-plugins
  want nft nftables
  want iptables iptables     # the kubelet and CNI's portmap call it
  want conntrack conntrack
  want gcc gcc               # the pause image
  want /usr/include/stdio.h libc6-dev
  [ ${#missing[@]} -gt 0 ] || return 0

  has apt-get || die "no apt-get here; install these by hand: ${missing[*]}"
  say "apt-get install ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -qq -o DPkg::Lock::Timeout=600)
  { "${apt[@]}" update && "${apt[@]}" -y install --no-install-recommends "${missing[@]}"; } \
    >"$WORK/log/apt.log" 2>&1 || die "apt-get failed, see $WORK/log/apt.log"
}
