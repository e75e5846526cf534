#!/usr/bin/env bash
# Usage: test-camunda-matrix.sh [FILTER...]
# Runs the tests of test-camunda.sh on other servers, one after the other, each in a new testbed: MATRIX names them as
# VERSION:ENGINE. What fails on one does not keep the others from being tried.
set -euo pipefail
cd "$(dirname "$0")/.."
unset TESTBED_WORK
results=() failed=
for servers in ${MATRIX:-8.5.8:elasticsearch 8.6.0:opensearch}; do
  echo "==== Camunda ${servers%:*} on ${servers#*:}" >&2
  begin=$SECONDS result=passed
  CAMUNDA_VERSION=${servers%:*} ENGINE=${servers#*:} scripts/test-camunda.sh "$@" || result=FAILED failed=1
  results+=("$result  $servers  $((SECONDS - begin)) s")
done
printf '%s\n' "${results[@]}" >&2
[ -z "$failed" ]
