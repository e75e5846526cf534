#!/usr/bin/env bash
# Renders manifests/ from the chart.
#   manifests.sh                      write them
#   manifests.sh --check              fail when they are not what the chart renders
#   manifests.sh --print NAMESPACE    print what they would be for another namespace
set -euo pipefail
cd "$(dirname "$0")/.."
file=manifests/camunda-backup.yaml
render() { # NAMESPACE
  echo '# Rendered from helm/camunda-backup by make manifests; changes here get lost.'
  # What only means something to Helm is left out.
  testbed/kube/helm.sh template backup helm/camunda-backup --namespace "$1" --set release=camunda --set test.enabled=false |
    grep -v -e '^$' -e '^# Source: ' -e '^ *helm.sh/chart: ' | sed 's|\(app.kubernetes.io/managed-by: \)Helm|\1kustomize|'
}
case ${1:-} in
  --check) render camunda | diff -u "$file" - || { echo "manifests: $file is not what the chart renders: make manifests" >&2; exit 1; } ;;
  --print) render "$2" ;;
  *) render camunda >"$file.tmp" && mv "$file.tmp" "$file" ;;
esac
