# A network with nobody else on it. Sourced by init.sh.
# shellcheck shell=bash

private_network() {
  echo "$NODE" >/proc/sys/kernel/hostname
  ip link set lo up
  # A bridge without a port: a device that holds the node's address and
  # swallows packets. The kernel may lack the dummy device; this it has.
  ip link add node0 type bridge
  ip addr add "$NODE_IP/32" dev node0
  ip link set node0 up
  # nftables rewrites service addresses, but connect() wants a route first.
  ip route add "$SERVICE_CIDR" dev node0 src "$NODE_IP"
  # What is outside fails at once instead of timing out.
  ip route add unreachable default
  echo 1 >/proc/sys/net/ipv4/ip_forward
}
