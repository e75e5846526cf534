#!/usr/bin/env bash
# Prints the path of a static binary for an image to be tested with: the one that STATIC_BINARY names (such as what
# `make static` has made), else one that is made in a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${STATIC_BINARY:-}" ]; then
  # Linked with libc in it.
  cargo rustc --locked --bin kubectl-camunda_backup -- -C target-feature=+crt-static
  mkdir -p target/static-debug
  STATIC_BINARY=$PWD/target/static-debug/kubectl-camunda_backup
  strip -o "$STATIC_BINARY.new" target/debug/kubectl-camunda_backup
  mv "$STATIC_BINARY.new" "$STATIC_BINARY"
fi
echo "$STATIC_BINARY"
