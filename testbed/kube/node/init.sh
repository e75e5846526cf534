#!/usr/bin/env bash
# The first process inside the node's namespaces. Started by up.sh only.
set -euo pipefail
WORK=$1
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$WORK/etc/env"
. "$HERE/mounts.sh"
. "$HERE/network.sh"
. "$HERE/supervise.sh"
. "$HERE/programs.sh"
trap 'exit 0' TERM INT

private_mounts
private_network
start_programs
while :; do
  wait || true
  sleep 1
done
