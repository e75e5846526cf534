#!/usr/bin/env bash
# Usage: test-camunda-kubernetes.sh [FILTER...]
# Runs the tests against a real Camunda inside of a real Kubernetes; see with-camunda.sh. What backs up is our chart with our
# image around the binary of STATIC_BINARY, else around one made here.
set -euo pipefail
cd "$(dirname "$0")/.."

STATIC_BINARY=$(scripts/static-binary.sh)
export STATIC_BINARY
cargo test --locked --test camunda --no-run
export PLATFORM=kubernetes CAMUNDA_BACKUP_IMAGE=testbed.local/camunda-backup:static
# shellcheck disable=SC2016 # expanded by the inner shell
exec scripts/with-camunda.sh scripts/servers.py bash -euc '
  scripts/image.sh --with tar --binary "$STATIC_BINARY" --output "$TESTBED_WORK/image.tar" "$CAMUNDA_BACKUP_IMAGE"
  testbed/kube/exec.sh ctr -n k8s.io images import - <"$TESTBED_WORK/image.tar" >&2
  exec cargo test --locked --test camunda -- --ignored --test-threads=1 --nocapture "${@:-kubernetes::}"' - "$@"
