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
  [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}
