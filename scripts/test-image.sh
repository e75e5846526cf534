#!/usr/bin/env bash
# Makes the container image with docker, with buildah and with nothing but tar: the three must not differ in anything that
# is run, contain nothing but the binary and the CA bundle, and do a backup with a read-only root and no capabilities.
#   STATIC_BINARY    the binary in it (default: one that is made in a minute)
# Needs buildah, which is installed where that is possible, and a container engine: see engine.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. testbed/lib.sh
. scripts/engine.sh
binary=$(scripts/static-binary.sh)
need_tools buildah=buildah
tmp=$(mktemp -d)
name=localhost/camunda-backup-test:image-$$
sandbox=''
cleanup() {
  [ -z "$sandbox" ] || docker rm --force "$sandbox" >/dev/null 2>&1 || true
  docker rmi --force "$name" >/dev/null 2>&1 || true
  buildah rmi --force "$name" >/dev/null 2>&1 || true
  engine_down
  rm -rf "$tmp"
}
trap cleanup EXIT
ELASTICSEARCH_VERSIONS='' OPENSEARCH_VERSIONS='' engine_up

for tool in docker buildah tar; do
  scripts/image.sh --with $tool --binary "$binary" --output "$tmp/$tool.tar" "$name"
  scripts/image-contents.py "$tmp/$tool.tar" >"$tmp/$tool"
done
cat "$tmp/tar"
for tool in docker buildah; do diff -u "$tmp/tar" "$tmp/$tool" || die "the image of $tool is another one than that of tar"; done
expected="^file /usr/bin/camunda-backup 0755 0:0 $(sha256sum "$binary" | cut -d' ' -f1)\$
^file /etc/ssl/certs/ca-certificates.crt 0644 0:0 [0-9a-f]*\$
^user 65532:65532\$
^entrypoint \[\"/usr/bin/camunda-backup\"\]\$
^command \[\]\$
^label org.opencontainers.image.version [0-9]"
while read -r line; do grep -c "$line" "$tmp/tar" >/dev/null || die "the image lacks $line"; done <<<"$expected"
[ "$(grep -c '^\(file\|other\) ' "$tmp/tar")" = 2 ] || die "the image has other files than the binary and the CA bundle"
say "docker, buildah and tar make the same image"

# The one of tar, as whoever loads the archive of a release runs it.
docker rmi --force "$name" >/dev/null
docker load --input "$tmp/tar.tar" >&2
restricted=(--read-only --cap-drop ALL --security-opt no-new-privileges --network host)
sandbox=$(docker run --detach "${restricted[@]}" "$name" sandbox)
for _ in $(seq 3000); do
  docker logs "$sandbox" >"$tmp/variables" 2>/dev/null
  ! grep -c ELASTIC_SNAPSHOT_REPOSITORY "$tmp/variables" >/dev/null || break
  sleep 0.1
done
sed -n 's/^export //p' "$tmp/variables" >"$tmp/environment"
[ -s "$tmp/environment" ] || die "the sandbox did not start: $(docker logs "$sandbox" 2>&1 | tail -n 5)"
run() { docker run --rm "${restricted[@]}" --env-file "$tmp/environment" --tmpfs /state:uid=65532,mode=0700 --env CAMUNDA_BACKUP_STATE_DIR=/state "$name" "$@"; }
run create
run list
run verify
say "the image takes a backup with a read-only root and no capabilities"
