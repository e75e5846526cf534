#!/usr/bin/env bash
# Stops the container engine that up.sh started under the same TESTBED_WORK, and never another one.
#   down.sh            its images stay for the next up.sh
#   down.sh --purge    they do not; what was fetched (TESTBED_CACHE) does
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
. "$HERE/lib/docker.sh"
case ${1:-} in '' | --purge) ;; *) usage ;; esac

mkdir -p "$WORK"
exec 9>"$WORK/lock"
flock 9
docker_down >&2
[ "${1:-}" != --purge ] || docker_purge
