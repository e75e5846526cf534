# What the testbed itself builds: the node's programs and its pause image.
# Sourced; needs common.sh and gobuild.sh.
# shellcheck shell=bash

KUBERNETES=v1.35.4
PROGRAMS=(etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl coredns)

# A binary that does not come out of Kubernetes' own build calls itself
# v0.0.0-master unless the linker tells it otherwise; clients compare versions.
version_flags() {
  local p
  for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- '-X %s.%s ' "$p" "gitVersion=$KUBERNETES" "$p" gitMajor=1 "$p" "gitMinor=${KUBERNETES:3:2}" \
      "$p" gitTreeState=clean "$p" gitCommit=0000000000000000000000000000000000000000 \
      "$p" buildDate=1970-01-01T00:00:00Z
  done
}

# Sets NODE_BINARY, building it when the cache does not have it.
build_node() {
  local flags
  flags=$(version_flags)
  NODE_BINARY=$(cached_path "kubenode-$KUBERNETES" kubenode "$flags")
  [ -e "$NODE_BINARY" ] ||
    say "building Kubernetes $KUBERNETES: 11 minutes of CPU on an idle machine, 2.4 GB of memory at the link"
  go_build "$NODE_BINARY" kubenode . "$flags"
}

# Sets TOOLS, a folder with nodetool and hello.
build_tools() {
  TOOLS=$(cached_path tools tools)
  go_build "$TOOLS" tools ./...
}

# Sets PAUSE_IMAGE, the image of every pod's sandbox.
build_pause() {
  local key tmp
  key=$(cat "$HERE/pause/pause.c" "$HERE/image.sh" | sha256sum)
  PAUSE_IMAGE=$CACHE/pause-${key:0:16}.tar
  if [ -e "$PAUSE_IMAGE" ]; then touch "$PAUSE_IMAGE"; return; fi
  tmp=$(mktemp -d)
  gcc -static -Os -s -o "$tmp/pause" "$HERE/pause/pause.c"
  "$HERE/image.sh" --user 65535:65535 --output "$PAUSE_IMAGE" testbed.local/pause:1 "$tmp/pause"
  rm -rf "$tmp"
}

# Puts everything where the node looks for it, and kubectl alone where the
# caller may put it on PATH.
link_programs() {
  local p
  mkdir -p "$WORK/bin" "$WORK/client"
  for p in "${PROGRAMS[@]}"; do ln -sfn "$NODE_BINARY" "$WORK/bin/$p"; done
  ln -sfn "$TOOLS/nodetool" "$WORK/bin/nodetool"
  ln -sfn "$NODE_BINARY" "$WORK/client/kubectl"
}
