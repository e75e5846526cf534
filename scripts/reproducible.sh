#!/usr/bin/env bash
# Builds the static binary twice, in different folders, and compares the bytes.
#   reproducible.sh [x86_64|aarch64]
# What is committed is built, not what lies around. Takes twice as long as make static.
set -euo pipefail
cd "$(dirname "$0")/.."
arch=${1:-x86_64}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for folder in one another/and/longer; do
  mkdir -p "$tmp/$folder"
  git archive HEAD | tar -x -C "$tmp/$folder"
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) CAMUNDA_BACKUP_COMMIT=$(git rev-parse --short=12 HEAD) \
    CARGO_TARGET_DIR="$tmp/$folder/target" OUT="$tmp/$folder/dist" "$tmp/$folder/scripts/static.sh" "$arch"
done
sha256sum "$tmp"/one/dist/"$arch"/* "$tmp"/another/and/longer/dist/"$arch"/*
cmp "$tmp/one/dist/$arch/kubectl-camunda_backup" "$tmp/another/and/longer/dist/$arch/kubectl-camunda_backup"
echo "reproducible: the same bytes"
