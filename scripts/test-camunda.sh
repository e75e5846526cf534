#!/usr/bin/env bash
# Usage: test-camunda.sh [FILTER...]
# Runs the tests against a real Camunda and a real search engine; see with-camunda.sh. Without FILTER all of them. What backs
# up is the binary of STATIC_BINARY, else the one that cargo builds for tests.
set -euo pipefail
cd "$(dirname "$0")/.."
# Built before anything is started: what is measured is not disturbed by a compiler.
cargo test --locked --test camunda --no-run
# One at a time: they share one release, and take its components away.
exec scripts/with-camunda.sh scripts/servers.py \
  cargo test --locked --test camunda -- --ignored --test-threads=1 --nocapture --skip kubernetes:: "$@"
