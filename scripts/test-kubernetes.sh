#!/usr/bin/env bash
# Runs the tests against a real Kubernetes. With TESTBED_KUBECONFIG they use that cluster, and TESTBED_LOAD is the command
# that puts an image archive onto its nodes (such as "kind load image-archive"); what kills API servers is left out there.
# Else one that testbed/kube/up.sh has started is used, and left running; else a real single-node cluster of our own is started
# from packages and taken down again, unless KEEP is set. (Of our own, because the tests break it.)
# Each test has a namespace of its own, and removes it unless KEEP is set. Arguments go to the test program: a part of a test's name.
# In the pods runs our image around the binary of STATIC_BINARY, else around one made here.
set -euo pipefail
cd "$(dirname "$0")/.."

STATIC_BINARY=$(scripts/static-binary.sh)
export STATIC_BINARY
cargo test --locked --test kubernetes --no-run
own=
if [ -z "${TESTBED_KUBECONFIG:-}" ]; then
  own=1
  if ! testbed/kube/up.sh --running; then
    folder=
    if [ -z "${TESTBED_WORK:-}" ]; then
      TESTBED_WORK=$(mktemp -d "${TMPDIR:-/tmp}/camunda-backup-test.XXXXXX")
      export TESTBED_WORK
      folder=$TESTBED_WORK
    fi
    if [ -n "${KEEP:-}" ]; then echo "test-kubernetes: keeping TESTBED_WORK=$TESTBED_WORK" >&2
    else trap 'testbed/kube/down.sh >&2 && rm -rf "$folder"' EXIT; fi
  fi
fi
exports=$(testbed/kube/up.sh)
eval "$exports"
echo "ran on Kubernetes $(kubectl get --raw /version | sed -n 's/.*"gitVersion": *"\([^"]*\)".*/\1/p')," \
  "$([ -n "$own" ] && echo started here || echo the cluster of TESTBED_KUBECONFIG); in its pods $STATIC_BINARY"
# As many as the machine has processors: each test has a dozen small pods.
cargo test --locked --test kubernetes -- --ignored --skip outage:: "$@"
# They take the API server away from everybody.
if [ -n "$own" ]; then cargo test --locked --test kubernetes -- --ignored --test-threads=1 outage::
else printf 'NOT RUN tests/kubernetes/main.rs: %s (the cluster is not ours to break)\n' outage:: chart::outage::; fi
