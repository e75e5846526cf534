#!/usr/bin/env bash
# Builds one static binary per architecture: musl, stripped, the same bytes wherever and whenever it is built.
#   static.sh [x86_64|aarch64|all] [cargo build argument...]      default: x86_64
# The result is dist/ARCH/kubectl-camunda_backup, checked to be static and small enough, and run in an empty root
# (a foreign architecture under qemu where there is one).
#   STATIC_TOOLS       where zig and cargo-zigbuild are kept (default ~/.cache/camunda-backup-static)
#   CARGO_TARGET_DIR   default target/static
#   OUT                default dist
# Needs Debian or a derivative: it installs what is missing from Debian's packages and from PyPI. rustup's targets are
# not used: std is built from Debian's sources, which are of the very version of Debian's rustc. zig is the C
# compiler, the libc and the linker.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
ZIG=0.17.1 ZIGBUILD=0.24.0
TOOLS=${STATIC_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/camunda-backup-static}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/static}
OUT=${OUT:-$root/dist}
NAME=kubectl-camunda_backup
LIMIT=$((12 * 1024 * 1024))

case ${1:-x86_64} in
  x86_64 | aarch64) arches=("${1:-x86_64}") ;;
  all) arches=(x86_64 aarch64) ;;
  *) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
[ $# -eq 0 ] || shift
say() { printf 'static: %s\n' "$*" >&2; }
die() { say "ERROR: $*"; exit 1; }

SOURCES=/usr/lib/rustlib/src/rust
newer() { [ -x "$1" ] && "$1" --version | awk '{split($2, v, "."); exit !(v[1] > 1 || v[2] >= 89)}'; }
packages=()
newer /usr/bin/rustc || packages+=(rustc-web)
newer /usr/bin/cargo || packages+=(cargo-web)
[ -e $SOURCES/library/Cargo.lock ] || packages+=(rust-web-src)
python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
for tool in readelf=binutils qemu-aarch64=qemu-user; do command -v "${tool%=*}" >/dev/null || packages+=("${tool#*=}"); done
if [ ${#packages[@]} -gt 0 ]; then
  [ "$(id -u)" = 0 ] || die "please install: ${packages[*]}"
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq -o DPkg::Lock::Timeout=600 update >&2
  apt-get -qq -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "${packages[@]}" >&2
fi
[ -e $SOURCES/library/Cargo.lock ] || die "there are no sources of std in $SOURCES"

mkdir -p "$TOOLS"
exec 9>"$TOOLS/lock"
flock 9
installed=$("$TOOLS/venv/bin/python" -c 'from importlib.metadata import version as v; print(v("ziglang"), v("cargo-zigbuild"))' 2>/dev/null || true)
if [ "$installed" != "$ZIG $ZIGBUILD" ]; then
  say "installing ziglang $ZIG and cargo-zigbuild $ZIGBUILD"
  python3 -m venv --clear "$TOOLS/venv"
  "$TOOLS/venv/bin/python" -m pip install -q "ziglang==$ZIG" "cargo-zigbuild==$ZIGBUILD"
fi
exec 9>&-
export PATH="$TOOLS/venv/bin:$PATH" CARGO_ZIGBUILD_PYTHON_PATH="$TOOLS/venv/bin/python"
export RUSTC=/usr/bin/rustc CARGO=/usr/bin/cargo RUSTC_BOOTSTRAP=1
unset RUSTUP_TOOLCHAIN CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER || true

# The same bytes from the same sources: no paths of this machine, no clock, no random build id. A tree with changes is
# not what its commit says, so only a clean one names it.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
if [ -z "${CAMUNDA_BACKUP_COMMIT:-}" ] && [ -z "$(git status --porcelain 2>/dev/null || echo none)" ]; then
  CAMUNDA_BACKUP_COMMIT=$(git rev-parse --short=12 HEAD)
fi
export CAMUNDA_BACKUP_COMMIT=${CAMUNDA_BACKUP_COMMIT:-}
[ -n "$CAMUNDA_BACKUP_COMMIT" ] || unset CAMUNDA_BACKUP_COMMIT
export CARGO_INCREMENTAL=0 LC_ALL=C TZ=UTC
# A quarter smaller than without; nobody waits for a release build.
export CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
registry=${CARGO_HOME:-$HOME/.cargo}
maps=("$CARGO_TARGET_DIR=/build" "$root=/src" "$registry=/cargo" "$SOURCES=/rust" "$TOOLS=/tools")
# zig does not know -static-pie, which rustc asks for, and takes -pie for it.
flags='-C link-self-contained=no -C target-feature=+crt-static -C link-arg=-pie -C link-arg=-Wl,--build-id=none'
cflags='-g0'
for map in "${maps[@]}"; do flags+=" --remap-path-prefix=$map" cflags+=" -ffile-prefix-map=$map"; done

check() { # ARCH BINARY
  local arch=$1 binary=$2 size run=() empty
  # Counted, not asked for with grep -q: that ends at the first hit, and what still writes to it fails with it.
  [ "$(readelf -lW "$binary" | grep -c INTERP)" = 0 ] || die "$binary asks for an interpreter: it is not static"
  [ "$(readelf -dW "$binary" | grep -c NEEDED)" = 0 ] || die "$binary needs libraries: it is not static"
  readelf -hW "$binary" | grep -c 'Type: *DYN' >/dev/null || die "$binary is not position independent"
  size=$(stat -c %s "$binary")
  [ "$size" -le $LIMIT ] || die "$binary has $size bytes, more than $LIMIT"
  # Words of the build machine that a stranger should not find in there.
  [ "$(grep -acF -e "$root" -e "$registry" "$binary")" = 0 ] || die "$binary contains paths of this machine"
  empty=$(mktemp -d)
  cp "$binary" "$empty/$NAME"
  if [ "$arch" != "$(uname -m)" ]; then
    run=("qemu-$arch")
    command -v "${run[0]}" >/dev/null || { say "no ${run[0]}: $binary was not run"; rm -r "$empty"; return; }
    "${run[@]}" "$empty/$NAME" version >/dev/null || die "$binary does not run under ${run[0]}"
  elif unshare --user --map-root-user true 2>/dev/null; then
    unshare --user --map-root-user --root="$empty" "/$NAME" version >/dev/null || die "$binary does not run in an empty root"
  elif [ "$(id -u)" = 0 ]; then
    chroot "$empty" "/$NAME" version >/dev/null || die "$binary does not run in an empty root"
  else
    "$empty/$NAME" version >/dev/null || die "$binary does not run"
  fi
  rm -r "$empty"
  say "$binary: $size bytes, $(readelf -hW "$binary" | awk '/Type:/ {print $2}'), sha256 $(sha256sum "$binary" | cut -c1-16)"
}

tree() { git rev-parse HEAD && git status --porcelain && git diff HEAD; } 2>/dev/null
built=$(tree || true)
for arch in "${arches[@]}"; do
  target=$arch-unknown-linux-musl
  say "$target with $($RUSTC --version)"
  RUSTFLAGS="$flags" CFLAGS="$cflags" cargo-zigbuild zigbuild --release --locked --target "$target" \
    --bin $NAME -Zbuild-std=std,panic_abort "$@"
  [ "$(tree || true)" = "$built" ] || die "the sources have changed while they were built: nobody could say what is in it"
  mkdir -p "$OUT/$arch"
  install -m 0755 "$CARGO_TARGET_DIR/$target/release/$NAME" "$OUT/$arch/$NAME.tmp"
  mv "$OUT/$arch/$NAME.tmp" "$OUT/$arch/$NAME"
  check "$arch" "$OUT/$arch/$NAME"
done
