#!/usr/bin/env bash
# Prints where hello is, the small static program of the tests' pods, and builds
# it first where that is needed. Neither a cluster nor root.
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
. "$HERE/lib/gobuild.sh"
. "$HERE/lib/programs.sh"
[ $# = 0 ] || usage

mkdir -p "$CACHE"
{ build_tools && go_done; } >&2
echo "$TOOLS/hello"
