#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: update.sh VERSION

Updates a testbed: stops Camunda, and starts Zeebe, Operate and Tasklist of VERSION on the same data. There is no way
back. TESTBED_WORK says which testbed.
USAGE
}

case ${1:-} in -h | --help) usage; exit ;; esac
[ $# = 1 ] || { usage >&2; exit 2; }
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
[ -f "$WORK/settings" ] || die "no testbed in $TESTBED_WORK"

say "updating Camunda $CAMUNDA_VERSION (Operate and Tasklist $WEBAPPS_VERSION) to $1"
mapfile -t camunda < <(component_names | grep -vxE 's3|engine')
components_stop "${camunda[@]}"
# shellcheck disable=SC2034  # settings_save reads them
CAMUNDA_VERSION=$1 WEBAPPS_VERSION=$1
settings_save
# The paths that follow from the version are computed at the start of a script.
exec env -u CAMUNDA_VERSION -u WEBAPPS_VERSION "$(dirname "${BASH_SOURCE[0]}")/up.sh" >/dev/null
