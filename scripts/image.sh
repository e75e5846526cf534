#!/usr/bin/env bash
# Makes the container image around a static binary: the last stage of the Dockerfile, as an archive for `docker load`,
# `ctr images import` and `skopeo copy oci-archive:`, or in the storage of docker or buildah.
#   image.sh [OPTION]... [NAME:TAG]        default: camunda-backup:VERSION
#   --with tar|docker|buildah    default: tar, which needs no builder and writes the archive
#   --arch x86_64|aarch64        default: this machine's
#   --binary FILE                default: dist/ARCH/kubectl-camunda_backup (make static)
#   --ca FILE                    CA bundle (default: the system's)
#   --output FILE                the archive (default: dist/camunda-backup-VERSION-image-ARCH.tar); with docker or buildah
#                                none is written by default, and this one by the tool itself
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'image: %s\n' "$*" >&2; }
die() { say "ERROR: $*"; exit 1; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
with=tar arch=$(uname -m) binary='' ca='' output='' name=camunda-backup:$version
while [ $# -gt 0 ]; do
  case $1 in
    --with) with=$2; shift 2 ;;
    --arch) arch=$2; shift 2 ;;
    --binary) binary=$2; shift 2 ;;
    --ca) ca=$2; shift 2 ;;
    --output) output=$2; shift 2 ;;
    -*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) name=$1; shift ;;
  esac
done
case $arch in x86_64) platform=amd64 ;; aarch64) platform=arm64 ;; *) die "no image for $arch" ;; esac
binary=${binary:-dist/$arch/kubectl-camunda_backup}
[ -f "$binary" ] || die "there is no $binary: run make static"
for file in $ca /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  [ -z "$ca" ] && [ -f "$file" ] && ca=$file
done
[ -f "$ca" ] || die "there is no CA bundle on this machine: name one with --ca"
case ${name##*/} in *:*) ;; *) die "the name needs a tag: $name" ;; esac
revision=$(git rev-parse HEAD 2>/dev/null || true)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
install -D -m 0755 "$binary" "$tmp/context/rootfs/usr/bin/camunda-backup"
install -D -m 0644 "$ca" "$tmp/context/rootfs/etc/ssl/certs/ca-certificates.crt"
find "$tmp/context" -type d -exec chmod 0755 {} +

# The last stage alone, with a folder in place of the one before: nothing is pulled, and any builder can do it, old or new.
stage=$(sed -n '/^FROM scratch/,$p' Dockerfile)
sed 's|^COPY --from=build /rootfs/ /$|COPY rootfs/ /|' <<<"$stage" >"$tmp/context/Dockerfile"
grep -q '^COPY rootfs/ /$' "$tmp/context/Dockerfile" || die "the Dockerfile's last stage does not copy /rootfs/"
arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" --tag "$name")
# Older builders know no platform but their own.
[ "$arch" = "$(uname -m)" ] || arguments+=(--platform "linux/$platform")
case $with in
  docker)
    docker build "${arguments[@]}" "$tmp/context" >&2
    [ -z "$output" ] || docker save --output "$output" "$name"
    say "$name is in docker"
    exit ;;
  buildah)
    buildah build "${arguments[@]}" "$tmp/context" >&2
    [ -z "$output" ] || buildah push "$name" "oci-archive:$output:$name"
    say "$name is in buildah's storage"
    exit ;;
  tar) ;;
  *) die "--with is tar, docker or buildah, not $with" ;;
esac

# With tar: an OCI image layout, and docker's manifest.json beside it, over the same blobs. What the Dockerfile says of its
# last stage is read from there.
output=${output:-dist/camunda-backup-$version-image-$arch.tar}
mkdir -p "$(dirname "$output")" "$tmp/image/blobs/sha256"
user=$(sed -n 's/^USER //p' <<<"$stage")
entrypoint=$(sed -n 's/^ENTRYPOINT //p' <<<"$stage")
labels=$(sed -n "s|^LABEL \([^=]*\)=\(\".*\"\)\$|\"\1\":\2|p" <<<"$stage" |
  sed -e "s|\$VERSION|$version|" -e "s|\$REVISION|$revision|" | paste -sd,)
pack() { tar --sort=name --format=ustar --mtime="@$epoch" --owner=0 --group=0 --numeric-owner "$@"; }
sum() { sha256sum "$1" | cut -d' ' -f1; }
blob() { # FILE: becomes a blob; prints `"digest":...,"size":...`
  local digest
  digest=$(sum "$1")
  printf '"digest":"sha256:%s","size":%s' "$digest" "$(stat -c %s "$1")"
  mv "$1" "$tmp/image/blobs/sha256/$digest"
}
pack -C "$tmp/context/rootfs" -cf "$tmp/layer" etc usr
diff_id=$(sum "$tmp/layer")
gzip -9n "$tmp/layer"
layer=$(blob "$tmp/layer.gz")
cat >"$tmp/config" <<END
{"architecture":"$platform","os":"linux","created":"$(date -u -d "@$epoch" +%FT%TZ)","config":{"User":"$user","WorkingDir":"/","Env":["PATH=/usr/bin"],"Entrypoint":$entrypoint,"Labels":{$labels}},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]},"history":[{"created":"$(date -u -d "@$epoch" +%FT%TZ)","created_by":"scripts/image.sh"}]}
END
config=$(blob "$tmp/config")
cat >"$tmp/manifest" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",$config},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",$layer}]}
END
manifest=$(blob "$tmp/manifest")
path() { sed 's|"digest":"sha256:\([0-9a-f]*\)".*|blobs/sha256/\1|' <<<"$1"; }
printf '{"imageLayoutVersion":"1.0.0"}\n' >"$tmp/image/oci-layout"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",%s,"platform":{"architecture":"%s","os":"linux"},"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}\n' \
  "$manifest" "$platform" "$name" "${name##*:}" >"$tmp/image/index.json"
printf '[{"Config":"%s","RepoTags":["%s"],"Layers":["%s"]}]\n' "$(path "$config")" "$name" "$(path "$layer")" >"$tmp/image/manifest.json"
pack -C "$tmp/image" -cf "$output.tmp" .
mv "$output.tmp" "$output"
say "$name: $output, $(stat -c %s "$output") bytes, manifest $(path "$manifest" | sed 's|blobs/sha256/|sha256:|')"
