#!/usr/bin/env bash
# helm: the installed one when its major version is right, else built once from
# its Go module. Works on KUBECONFIG, else on the cluster that up.sh started.
#   helm.sh ARG...
#   TESTBED_HELM=4 helm.sh ARG...    helm 4 in place of 3
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
. "$HERE/lib/gobuild.sh"
. "$HERE/lib/helm.sh"
helm=$(find_helm) || { build_helm && helm=$(find_helm); }
[ -n "${KUBECONFIG:-}" ] || [ ! -e "$WORK/kubeconfig" ] || export KUBECONFIG=$WORK/kubeconfig
exec "$helm" "$@"
