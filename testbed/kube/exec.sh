#!/usr/bin/env bash
# Runs a command inside the node's namespaces, as a login on the node would:
#   exec.sh ctr -n k8s.io images list
#   exec.sh curl http://10.244.77.5:8080/
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
[ $# -gt 0 ] || usage
need_root
need_node
exec nsenter -t "$(node_pid)" -m -n -p -i -u -C -- \
  env PATH="$WORK/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" KUBECONFIG="$WORK/kubeconfig" "$@"
