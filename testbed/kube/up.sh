#!/usr/bin/env bash
# Brings up the cluster for the cluster tests and prints, as its only stdout,
# shell lines that point kubectl at it:
#   lines=$(testbed/kube/up.sh) && eval "$lines"
# With TESTBED_KUBECONFIG that cluster is checked and used; else one real node
# is started from packages (see README.md). A running one is left as it is.
#   up.sh fetch                   only builds what is needed, helm too
#   up.sh --running               only says whether one of our own runs already
#   TESTBED_WORK TESTBED_CACHE    see lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
. "$HERE/lib/gobuild.sh"
. "$HERE/lib/programs.sh"
case ${1:-} in
  '' | fetch) ;;
  --running) node_pid >/dev/null && [ -e "$WORK/ready" ]; exit ;;
  *) usage ;;
esac

existing() {
  if ! has kubectl; then
    build_node
    go_done
    mkdir -p "$WORK/client"
    ln -sfn "$NODE_BINARY" "$WORK/client/kubectl"
  fi
  PATH=$PATH:$WORK/client kubectl --kubeconfig "$TESTBED_KUBECONFIG" --request-timeout=20s get --raw /readyz >/dev/null ||
    die "the cluster of TESTBED_KUBECONFIG ($TESTBED_KUBECONFIG) does not answer"
  say "using the cluster of TESTBED_KUBECONFIG"
}

fetch() {
  [ -n "${TESTBED_KUBECONFIG:-}" ] || { build_tools && build_node; }
  "$HERE/helm.sh" version
  go_done
}

own() {
  need_root
  mkdir -p "$WORK/log" "$CACHE"
  lock_work 3600
  if node_pid >/dev/null; then
    if [ -e "$WORK/ready" ]; then say "already running"; return; fi
    say "a start that did not finish is in the way: stopping it"
    "$HERE/down.sh" --keep
  fi
  . "$HERE/lib/packages.sh"
  . "$HERE/lib/configure.sh"
  . "$HERE/lib/cgroup.sh"
  . "$HERE/lib/start.sh"
  node_packages
  build_tools
  build_node
  go_done
  build_pause
  link_programs
  # Another cluster that starts now would choose the same port.
  exec 7>"$CACHE/port.lock"
  flock 7
  configure
  start_node
  exec 7>&-
  await_node
  touch "$WORK/ready"
}

if [ "${1:-}" = fetch ]; then
  fetch >&2
elif [ -n "${TESTBED_KUBECONFIG:-}" ]; then
  existing >&2
  printf 'export KUBECONFIG=%q\n' "$TESTBED_KUBECONFIG"
else
  own >&2
  printf 'export KUBECONFIG=%q\n' "$WORK/kubeconfig"
fi
if [ "${1:-}" != fetch ] && ! has kubectl; then
  # shellcheck disable=SC2016 # $PATH is for the caller's shell
  printf 'export PATH=%q:$PATH\n' "$WORK/client"
fi
