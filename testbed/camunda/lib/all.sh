# shellcheck shell=bash
# Everything the scripts of this folder share. To be sourced once, after set -euo pipefail.
_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$_lib/../../lib.sh"
. "$_lib/settings.sh"
settings_load
for _file in artifacts opensearch engine s3 zeebe webapps client counts components; do . "$_lib/$_file.sh"; done
[ "$PLATFORM" = processes ] || . "$_lib/pods.sh"
