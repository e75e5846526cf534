#!/usr/bin/env bash
# Renders manifests/ from the chart.
#   manifests.sh            write them
#   manifests.sh --check    fail when they are not what the chart renders
set -euo pipefail
cd "$(dirname "$0")/.."
file=manifests/camunda-backup.yaml
render() {
  echo '# Rendered from helm/camunda-backup by make manifests; changes here get lost.'
  # What only means something to Helm is left out.
  testbed/kube/helm.sh template backup helm/camunda-backup --namespace camunda --set release=camunda --set test.enabled=false |
    grep -v -e '^$' -e '^# Source: ' -e '^ *helm.sh/chart: ' | sed 's|\(app.kubernetes.io/managed-by: \)Helm|\1kustomize|'
}
if [ "${1:-}" = --check ]; then
  render | diff -u "$file" - || { echo "manifests: $file is not what the chart renders: make manifests" >&2; exit 1; }
else
  render >"$file.tmp"
  mv "$file.tmp" "$file"
fi
