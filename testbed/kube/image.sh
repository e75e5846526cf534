#!/usr/bin/env bash
# Makes a from-scratch container image with nothing but tar, and puts it on the
# node. No registry knows it: pods need imagePullPolicy IfNotPresent or Never.
#   image.sh [OPTION]... NAME:TAG BINARY [ARG...]              runs /BINARY ARG...
#   image.sh [OPTION]... NAME:TAG ROOTFS-DIR COMMAND [ARG...]
# COMMAND (or /BINARY) becomes the entrypoint, ARGs what a pod's args replace.
#   --file SRC=DEST    one more file, such as a CA bundle; repeatable
#   --env NAME=VALUE   repeatable
#   --user UID:GID     default 65532:65532; numeric, else runAsNonRoot cannot tell
#   --workdir DIR      default /
#   --output FILE      write the image there ("docker load" and kind read it too)
#                      and leave the node alone
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

user=65532:65532 workdir=/ output='' files=() env=(PATH=/usr/local/bin:/usr/bin:/bin)
while [ $# -gt 0 ]; do
  case $1 in
    --file) files+=("$2") ;;
    --env) env+=("$2") ;;
    --user) user=$2 ;;
    --workdir) workdir=$2 ;;
    --output) output=$2 ;;
    -*) usage ;;
    *) break ;;
  esac
  shift 2 || usage
done
[ $# -ge 2 ] || usage
name=$1 source=$2
shift 2
[[ ${name##*/} == *:* ]] || die "the image name needs a tag: $name"
[ -e "$source" ] || die "no such file or folder: $source"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
extra=$tmp/extra layers=()
mkdir -p "$extra"
place() { install -D -m "$3" "$1" "$extra/$2"; }
if [ -d "$source" ]; then
  [ $# -ge 1 ] || usage
  layers=("$source")
else
  place "$source" "${source##*/}" 755
  set -- "/${source##*/}" "$@"
fi
for f in ${files[@]+"${files[@]}"}; do place "${f%%=*}" "${f#*=}" 644; done
[ -z "$(ls -A "$extra")" ] || layers+=("$extra")
chmod -R u=rwX,go=rX "$extra"

quote() { # its arguments as JSON strings with commas between
  local sep='' s
  for s; do
    s=${s//\\/\\\\}
    printf '%s"%s"' "$sep" "${s//\"/\\\"}"
    sep=,
  done
}
case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
command=$1
shift

# Same input, same image: no times, no owners, no names of users.
pack() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "$@"; }
mkdir "$tmp/image"
tars=() sums=()
for l in "${layers[@]}"; do
  tars+=("${#tars[@]}.tar")
  pack -C "$l" -cf "$tmp/image/${tars[-1]}" .
  sums+=("sha256:$(sha256sum "$tmp/image/${tars[-1]}" | cut -d' ' -f1)")
done
cat >"$tmp/config" <<END
{"architecture":"$arch","os":"linux","created":"1970-01-01T00:00:00Z",
 "config":{"User":"$user","WorkingDir":"$workdir","Env":[$(quote "${env[@]}")],
  "Entrypoint":[$(quote "$command")],"Cmd":[$(quote "$@")]},
 "rootfs":{"type":"layers","diff_ids":[$(quote "${sums[@]}")]}}
END
id=$(sha256sum "$tmp/config" | cut -d' ' -f1)
mv "$tmp/config" "$tmp/image/$id.json"
printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":[%s]}]\n' "$id" "$name" "$(quote "${tars[@]}")" \
  >"$tmp/image/manifest.json"

if [ -n "$output" ]; then
  pack -C "$tmp/image" -cf "$output.tmp" .
  mv "$output.tmp" "$output"
else
  pack -C "$tmp/image" -cf - . | "$HERE/exec.sh" ctr -n k8s.io images import - >&2
fi
