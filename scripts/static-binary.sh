# shellcheck shell=bash
# Sets STATIC_BINARY, for an image to be tested with: the one that it names already (such as what `make static` has made),
# else one that is made in a minute. To be sourced in the repository's folder.

if [ -z "${STATIC_BINARY:-}" ]; then
  # Linked with libc in it.
  cargo rustc --locked --bin kubectl-camunda_backup -- -C target-feature=+crt-static
  mkdir -p target/static-debug
  STATIC_BINARY=$PWD/target/static-debug/kubectl-camunda_backup
  strip -o "$STATIC_BINARY" target/debug/kubectl-camunda_backup
fi
export STATIC_BINARY
