#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: down.sh [--purge]

Ends all components of the testbed in TESTBED_WORK. --purge also removes its data, backups and logs, after which
up.sh may be given other settings. TESTBED_CACHE stays.
USAGE
}

purge=
case ${1:-} in
  -h | --help) usage; exit ;;
  --purge) purge=1 ;;
  '') ;;
  *) usage >&2; exit 2 ;;
esac
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"

mapfile -t names < <(component_names)
if [ -n "$purge" ]; then
  for name in "${names[@]}"; do process_kill "$name"; done # quicker, and nothing is left to be damaged
  rm -rf "${WORK:?}"
  rmdir "$TESTBED_WORK" 2>/dev/null || true
else
  components_stop "${names[@]}"
fi
