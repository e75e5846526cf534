# Settings and small helpers that every script here shares. Sourced, never run.
# shellcheck shell=bash disable=SC2034
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$HERE/../lib.sh"
# Other testbeds may use the same two folders.
WORK=${TESTBED_WORK:-${TMPDIR:-/tmp}/camunda-backup-testbed}/engines
CACHE=${TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/camunda-backup-testbed}/engines
case $WORK in /*) ;; *) WORK=$PWD/$WORK ;; esac
case $CACHE in /*) ;; *) CACHE=$PWD/$CACHE ;; esac
own_folder "${WORK%/*}" 0711
own_folder "$WORK" 0700
RUN_DIR=$WORK/run
LOG_DIR=$WORK/log
SOCKET=$RUN_DIR/docker.sock

ELASTICSEARCH_VERSIONS=${ELASTICSEARCH_VERSIONS-8.19.21 9.2.0}
OPENSEARCH_VERSIONS=${OPENSEARCH_VERSIONS-2.19.4 3.4.0}

usage() { # the script's own header is its help
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
