#!/usr/bin/env bash
# Everything that a release consists of, in dist/: for each architecture for which there is a static binary (make static)
# an archive with program, man pages and licences, an image, a bill of materials; the chart; krew's manifest; checksums.
#   DIST_URL    where the archives will be downloaded from, for krew's manifest (https)
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'dist: %s\n' "$*" >&2; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
url=${DIST_URL:-https://downloads.invalid/camunda-backup/v$version}
[ -n "${DIST_URL:-}" ] || say "DIST_URL is not set: krew's manifest names $url, where nothing is"
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
name=camunda-backup-$version
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd dist
rm -f SHA256SUMS camunda-backup.yaml "$name"*
cd ..
platforms=''
for arch in x86_64 aarch64; do
  binary=dist/$arch/kubectl-camunda_backup
  [ -f $binary ] || { say "no binary for $arch: left out"; continue; }
  case $arch in x86_64) goarch=amd64 ;; aarch64) goarch=arm64 ;; esac
  target=$arch-unknown-linux-musl
  folder=$tmp/$arch
  mkdir -p "$folder/man"
  install -m 0755 $binary "$folder/kubectl-camunda_backup"
  ln -s kubectl-camunda_backup "$folder/kubectl_complete-camunda_backup"
  cp LICENSE "$folder/"
  scripts/components.py licences $target >"$folder/THIRD-PARTY-LICENCES.txt"
  scripts/components.py sbom $target >"dist/$name-linux-$goarch.cdx.json"
  if [ $arch = "$(uname -m)" ]; then $binary man "$tmp/man"; fi
  [ ! -d "$tmp/man" ] || cp "$tmp"/man/*.1 "$folder/man/"
  archive=$name-linux-$goarch.tar.gz
  tar --sort=name --format=ustar --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$folder" -cf - . |
    gzip -9n >"dist/$archive"
  scripts/image.sh --with tar --arch $arch --output "dist/$name-image-$arch.tar" >&2
  platforms+="
  - selector:
      matchLabels:
        os: linux
        arch: $goarch
    uri: $url/$archive
    sha256: $(sha256sum "dist/$archive" | cut -d' ' -f1)
    files:
    - from: kubectl-camunda_backup
      to: .
    - from: LICENSE
      to: .
    bin: kubectl-camunda_backup"
done
[ -n "$platforms" ] || { say "there is no binary at all: make static"; exit 1; }
testbed/kube/helm.sh package helm/camunda-backup --destination dist >/dev/null
mv "dist/$name.tgz" "dist/$name-chart.tgz"
cat >dist/camunda-backup.yaml <<END
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: camunda-backup
spec:
  version: v$version
  homepage: ${url%/*}
  shortDescription: Back up Camunda 8 Self-Managed as a whole
  description: |
    Takes, lists, verifies, prunes and deletes whole backups of Camunda 8
    Self-Managed: web applications, exported records and Zeebe, in the order
    that the guide demands. Exporting never stays paused: whatever ends a run,
    it is resumed, and seen to run on every broker.
  caveats: |
    Configure the backup stores of Camunda first, then run:
      kubectl camunda-backup check -n NAMESPACE
  platforms:$platforms
END
(cd dist && sha256sum "$name"* camunda-backup.yaml >SHA256SUMS)
scripts/test-dist.py
say "$(wc -l <dist/SHA256SUMS) files in dist/"
