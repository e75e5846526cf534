#!/usr/bin/env bash
# Usage: with-camunda.sh COMMAND...
# Runs a command with a real Camunda and a real search engine beside it, both started from packages on loopback, data in
# them, and the variables of the Camunda guide set.
#
# Versions and engine: the settings of testbed/camunda/up.sh (CAMUNDA_VERSION, ENGINE, ..).
#
# With TESTBED_WORK that testbed is used: what of it does not run is started, and all of it is left running. Else a new
# one is made, on ports of its own (PORT_BASE says which), and removed again, unless KEEP is set. (Never the one that a former run may have
# left behind: its settings may be there without its processes, and its exporting may be paused.)
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

if [ -z "${TESTBED_WORK:-}" ]; then
  if [ -z "${PORT_BASE:-}" ]; then
    # They are ours until this shell, and what it started, is gone.
    coproc ports { "$here"/scripts/ports.py; }
    read -r PORT_BASE <&"${ports[0]}"
  fi
  TESTBED_WORK=$(mktemp -d "${TMPDIR:-/tmp}/camunda-backup-test.XXXXXX")
  export TESTBED_WORK PORT_BASE
  if [ -n "${KEEP:-}" ]; then
    echo "with-camunda: keeping TESTBED_WORK=$TESTBED_WORK" >&2
  else
    trap '"$here"/testbed/camunda/down.sh --purge >&2 && rm -rf "$TESTBED_WORK"' EXIT
  fi
fi
exports=$("$here"/testbed/camunda/up.sh)
eval "$exports"
# The testbed remembers them, and an update changes them.
unset CAMUNDA_VERSION WEBAPPS_VERSION ENGINE
"$here"/testbed/camunda/seed.sh "${INSTANCES:-60}" >&2
"$@"
