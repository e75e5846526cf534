#!/usr/bin/env bash
# Builds the static binary twice, in different folders, and compares the bytes.
#   reproducible.sh [x86_64|aarch64] [BINARY]
# What is committed is built, not what lies around. Takes twice as long as make static; with BINARY, which was built from the
# same commit, as long.
set -euo pipefail
cd "$(dirname "$0")/.."
arch=${1:-x86_64} first=${2:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
build() { # FOLDER
  mkdir -p "$tmp/$1"
  git archive HEAD | tar -x -C "$tmp/$1"
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) CAMUNDA_BACKUP_COMMIT=$(git rev-parse --short=12 HEAD) \
    CARGO_TARGET_DIR="$tmp/$1/target" OUT="$tmp/$1/dist" "$tmp/$1/scripts/static.sh" "$arch"
}
if [ -n "$first" ] && [ -n "$(git status --porcelain)" ]; then
  echo "reproducible: commit first; what is built here is the last commit, and BINARY would not be" >&2
  exit 1
fi
if [ -z "$first" ]; then
  build one
  first=$tmp/one/dist/$arch/kubectl-camunda_backup
fi
build another/and/longer
second=$tmp/another/and/longer/dist/$arch/kubectl-camunda_backup
sha256sum "$first" "$second"
cmp "$first" "$second"
echo "reproducible: the same bytes"
