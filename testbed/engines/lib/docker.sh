# shellcheck shell=bash
# The container engine: the one that answers, or one of our own, of Debian's packages.

# How long one may take to start on a busy machine, in seconds.
DOCKER_STARTS=300

# `docker info` succeeds in some clients although no server answered.
docker_answers() { timeout 60 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

docker_is_ours() { process_alive dockerd; }

# From here on the one that was started here, if it was; else the caller's.
docker_choose() {
  if docker_is_ours; then export DOCKER_HOST=unix://$SOCKET; fi
}

docker_up() {
  docker_choose
  if has docker && docker_answers; then return 0; fi
  [ -z "${DOCKER_HOST:-}" ] || docker_is_ours || die "DOCKER_HOST is $DOCKER_HOST, and nothing answers there"
  if ! has dockerd; then need_tools docker=docker.io dockerd=docker.io iptables=iptables; fi
  is_root || die "no container engine answers, and starting one needs root"
  [ ${#SOCKET} -le 100 ] || die "the path of a socket must be short: choose another TESTBED_WORK than $TESTBED_WORK"
  docker_start
}

# A containerd of its own: left alone, dockerd takes the one of the well-known socket, which may be a kubelet's, and dies
# with it. Ports are published on 127.0.0.1 only: nobody else reaches the containers, and this engine would give IPv4 and
# IPv6 different ports.
docker_start() {
  say "starting a container engine of our own"
  mkdir -p "$RUN_DIR" "$WORK/data"
  rm -f "$RUN_DIR/docker.pid" "$SOCKET" "$RUN_DIR/containerd.sock"
  cat >"$RUN_DIR/containerd.toml" <<TOML
version = 2
root = "$WORK/data/containerd"
state = "$RUN_DIR/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$RUN_DIR/containerd.sock"
[debug]
  level = "warn"
TOML
  echo '{}' >"$RUN_DIR/docker.json"
  process_start containerd containerd --config "$RUN_DIR/containerd.toml"
  wait_ready containerd "$DOCKER_STARTS" test -S "$RUN_DIR/containerd.sock"
  process_start dockerd dockerd --config-file "$RUN_DIR/docker.json" --host "unix://$SOCKET" \
    --containerd "$RUN_DIR/containerd.sock" --data-root "$WORK/data/docker" --exec-root "$RUN_DIR/docker" \
    --pidfile "$RUN_DIR/docker.pid" --ip 127.0.0.1 --log-level warn
  export DOCKER_HOST=unix://$SOCKET
  wait_ready dockerd "$DOCKER_STARTS" docker_answers
  docker_clean
}

# What was left behind when the engine ended under running tests.
docker_clean() {
  docker ps --all --quiet --filter label=camunda-backup.test | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
}

docker_down() {
  docker_is_ours || { say "no container engine of ours runs"; return 0; }
  docker_choose
  docker_clean || true
  process_stop dockerd 30
  process_stop containerd 30
}

# Removes the images, too.
docker_purge() {
  local mount
  awk -v under="$WORK/" 'index($2, under) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do
    umount -l "$mount" || true
  done
  rm -rf "${WORK:?}"
}
