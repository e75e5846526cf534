#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: count.sh

Prints, as JSON, what Operate and Tasklist know: process instances by state, open incidents, variables, tasks. Two
outputs of it tell whether a restored testbed is the one that was backed up. TESTBED_WORK says which testbed.
USAGE
}

case ${1:-} in -h | --help) usage; exit ;; esac
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
all_counts
