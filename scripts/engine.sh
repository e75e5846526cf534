# shellcheck shell=bash
# The container engine for tests: the one that answers, or one that is started and, unless KEEP is set, stopped again. To be
# sourced; see testbed/engines.
#
# Runs side by side share the one of a TESTBED_WORK, as images take minutes to make: each holds a lock with the others, and it is
# stopped by the last one, who can have the lock alone. Descriptor 8 is this shell's only: an engine that had it would hold
# the lock, too.

_engine_folder=$(. testbed/engines/lib/common.sh && echo "$WORK")
# One that was started by hand is not ours to stop.
_engine_mark=$_engine_folder/started-by-tests

# Sets DOCKER_HOST, if it has to be, and the versions of which there are images.
engine_up() {
  local lines
  exec 8>>"$_engine_folder/users"
  flock -s 8
  testbed/engines/up.sh --running 8>&- || touch "$_engine_mark"
  [ -z "${KEEP:-}" ] || rm -f "$_engine_mark"
  lines=$(testbed/engines/up.sh 8>&-)
  eval "$lines"
}

engine_down() {
  if [ -e "$_engine_mark" ] && flock -n 8; then testbed/engines/down.sh 8>&- && rm -f "$_engine_mark"; fi
}
