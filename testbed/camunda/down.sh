#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: down.sh [--purge]

Ends all components of the testbed in TESTBED_WORK. --purge also removes its data, backups and logs, after which
up.sh may be given other settings. TESTBED_CACHE stays. On kubernetes it ends the cluster, which stays up without it.
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
  # Quicker, and nothing is left to be damaged.
  if [ "$PLATFORM" = kubernetes ]; then
    "$KUBE_TESTBED/down.sh"
  else
    for name in "${names[@]}"; do process_kill "$name"; done
  fi
  rm -rf "${WORK:?}"
  rmdir "$TESTBED_WORK" 2>/dev/null || true
else
  components_stop "${names[@]}"
fi
