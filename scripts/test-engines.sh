#!/usr/bin/env bash
# Usage: test-engines.sh [FILTER...]
# Runs tests/elasticsearch.rs and tests/opensearch.rs against real search engines in containers, one version after the other:
# ELASTICSEARCH_VERSIONS and OPENSEARCH_VERSIONS say which. The container engine: see engine.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/engine.sh

# Built before anything is started: what waits for a start is not disturbed by a compiler.
cargo test --locked --test elasticsearch --test opensearch --no-run
trap engine_down EXIT
engine_up

passed=0 failed=0 result=0 versions='' begin=$SECONDS log=$(mktemp)
count() { sed -n "s/^test result: .* \([0-9]*\) $1;.*/\1/p" "$log"; }
run() { # PRODUCT VERSION [FILTER...]
  local product=$1 version=$2; shift 2
  echo "--- $product $version"
  # Three at a time: each waits for the engine more than it works. More JVMs at once would start no sooner.
  env "${product^^}_VERSION=$version" cargo test --locked --test "$product" -- --ignored --test-threads=3 "$@" 2>&1 8>&- \
    | tee "$log" || result=1
  passed=$((passed + $(count passed) + 0)) failed=$((failed + $(count failed) + 0))
  versions="$versions, $product $version"
}
for version in $ELASTICSEARCH_VERSIONS; do run elasticsearch "$version" "$@"; done
for version in $OPENSEARCH_VERSIONS; do run opensearch "$version" "$@"; done
for product in elasticsearch opensearch; do
  [[ $versions == *" $product "* ]] || echo "NOT RUN tests/$product.rs: (${product^^}_VERSIONS is empty)"
done
rm -f "$log"
echo "test-engines: $passed passed, $failed failed, on ${versions#, }, in $((SECONDS - begin)) s"
exit "$result"
