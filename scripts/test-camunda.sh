#!/usr/bin/env bash
# Runs the tests against a real Camunda and a real Elasticsearch, both started from packages on loopback.
# With TESTBED_WORK that testbed is used: what of it does not run is started, and all of it is left running. Else a new
# one is made, on ports of its own, and removed again, unless KEEP is set. (Never the one that a former run may have
# left behind: its settings may be there without its processes, and its exporting may be paused.)
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${TESTBED_WORK:-}" ]; then
  TESTBED_WORK=$(mktemp -d "${TMPDIR:-/tmp}/camunda-backup-test.XXXXXX")
  export TESTBED_WORK PORT_BASE=${PORT_BASE:-27000}
  if [ -n "${KEEP:-}" ]; then
    echo "test-camunda: keeping TESTBED_WORK=$TESTBED_WORK" >&2
  else
    trap 'testbed/camunda/down.sh --purge >&2' EXIT
  fi
fi
exports=$(testbed/camunda/up.sh)
eval "$exports"
testbed/camunda/seed.sh "${INSTANCES:-60}" >&2
cargo build --locked --release
# One at a time: they share one release, and take its components away.
cargo test --locked --test camunda --test camunda_catalogue -- --ignored --test-threads=1 "$@"
