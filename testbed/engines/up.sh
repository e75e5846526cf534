#!/usr/bin/env bash
# Makes sure that a container engine answers and has the images of the search engines, and prints, as its only stdout,
# shell lines that point the tests at them:
#   lines=$(testbed/engines/up.sh) && eval "$lines"
# The engine that answers is used (DOCKER_HOST, or the usual socket); else one of our own is started. An image that is there
# is used; else the official one is pulled, where its registry answers; else it is built from packages (see README.md).
#   up.sh --running                                only says whether one of our own runs already
#   ELASTICSEARCH_VERSIONS, OPENSEARCH_VERSIONS    which, as words; empty: none
#   IMAGES=build                                   build them without asking a registry
#   TESTBED_WORK TESTBED_CACHE                     see README.md
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
. "$HERE/lib/docker.sh"
. "$HERE/lib/images.sh"
case ${1:-} in '') ;; --running) docker_is_ours; exit ;; *) usage ;; esac

all() {
  docker_up
  images_ensure
  images_tell
}

mkdir -p "$WORK"
exec 9>"$WORK/lock"
flock 9
all >&2
[ -z "${DOCKER_HOST:-}" ] || printf 'export DOCKER_HOST=%q\n' "$DOCKER_HOST"
printf 'export ELASTICSEARCH_VERSIONS=%q OPENSEARCH_VERSIONS=%q\n' "$ELASTICSEARCH_VERSIONS" "$OPENSEARCH_VERSIONS"
