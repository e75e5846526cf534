#!/usr/bin/env bash
# Runs the tests against a real Camunda and a real Elasticsearch, both started from packages on loopback.
# A testbed that runs already (TESTBED_WORK) is used and left running; one that this starts is taken down again,
# unless KEEP is set.
set -euo pipefail
cd "$(dirname "$0")/.."

if exports=$(testbed/camunda/up.sh env 2>/dev/null) && [ -n "$exports" ]; then
  echo "test-camunda: using the Camunda that is running" >&2
else
  [ -n "${KEEP:-}" ] || trap 'testbed/camunda/down.sh --purge >&2' EXIT
  exports=$(testbed/camunda/up.sh)
fi
eval "$exports"
testbed/camunda/seed.sh "${INSTANCES:-60}" >&2
cargo build --locked --release
# One at a time: they share one release, and take its components away.
cargo test --locked --test camunda --test camunda_catalogue -- --ignored --test-threads=1 "$@"
