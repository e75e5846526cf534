# Go programs, built once per version of their sources. Sourced.
# shellcheck shell=bash

# NAME MODULE [LDFLAGS]: the path that the built program (or, for a module of
# several, the folder of them) has in the cache; the key is what it is made of.
cached_path() {
  local key
  key=$(cd "$HERE/go/$2" && { find . -type f -print0 | LC_ALL=C sort -z | xargs -0 cat; echo "${3:-} $(uname -m)"; } | sha256sum)
  echo "$CACHE/$1-${key:0:16}"
}

# OUT MODULE PACKAGE [LDFLAGS]: builds OUT unless it is there. "./..." makes OUT
# a folder. Go's own caches come to 4 GB for the node's binary: they live under
# TESTBED_CACHE, survive a build that was cut short, and go with go_done.
# Whoever edits the Go sources sets GOCACHE and GOMODCACHE: caches named there
# are never removed.
go_build() {
  local out=$1 module=$2 package=$3 ldflags=${4:-}
  if [ -e "$out" ]; then touch "$out"; return; fi
  mkdir -p "$CACHE"
  need_go "${CACHE%/*}"
  (
    exec 8>"$CACHE/lock"
    flock 8 # two clusters that start together build once
    [ ! -e "$out" ] || exit 0
    cd "$HERE/go/$module"
    export GOCACHE=${GOCACHE:-$CACHE/go/build} GOMODCACHE=${GOMODCACHE:-$CACHE/go/mod}
    export CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=auto GOFLAGS='-buildvcs=false -mod=readonly -modcacherw'
    begin=$SECONDS
    rm -rf "$out.tmp"
    [ "$package" != ./... ] || mkdir "$out.tmp"
    nice -n "${TESTBED_NICE:-10}" go build -trimpath -ldflags "-s -w $ldflags" -o "$out.tmp" "$package" \
      >"$CACHE/build.log" 2>&1 8>&- 9>&- || { tail -20 "$CACHE/build.log" >&2; exit 1; }
    mv "$out.tmp" "$out"
    say "built ${out##*/} in $((SECONDS - begin)) s"
  ) || die "could not build ${out##*/}"
}

# After the last build: Go's caches go, and what nobody has used for a month.
# Somebody else who builds just now does this in our place.
go_done() {
  [ -d "$CACHE/go" ] || return 0
  (
    exec 8>"$CACHE/lock"
    if flock -n 8; then rm -rf "$CACHE/go"; fi
  )
  find "$CACHE" -mindepth 1 -maxdepth 1 -name '*-????????????????*' -mtime +30 -exec rm -rf {} +
}
