#!/usr/bin/env bash
# Measures what is promised about speed and memory, and prints what was run, on what, how often. Never part of a test.
# Against the sandbox always; against a real Camunda where testbed/camunda/up.sh has started one.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v python3 >/dev/null || { echo 'bench: python3 is missing' >&2; exit 1; }
cargo build --release --locked
real=$(testbed/camunda/up.sh env 2>/dev/null || true)
exec python3 scripts/bench.py target/release/kubectl-camunda_backup "$real" "$@"
