#!/usr/bin/env bash
# krew's own check of a plugin's manifest, built once from its Go module; without
# the installation, which would need the archives where they will be.
#   krew.sh MANIFEST
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
. "$HERE/lib/gobuild.sh"
validate=$(cached_path krew krew)
go_build "$validate" krew sigs.k8s.io/krew/cmd/validate-krew-manifest
go_done
exec "$validate" -manifest "$1" -skip-install
