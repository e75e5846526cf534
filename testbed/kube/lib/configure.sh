# The cluster's addresses, keys and configuration files. Sourced by up.sh.
# shellcheck shell=bash

# All of these exist only inside the node's network namespace, so clusters side
# by side may share them; only PORT is bound on the machine.
NODE=testbed
POD_CIDR=10.244.77.0/24
NODE_IP=10.244.78.1
SERVICE_CIDR=10.96.77.0/24
SERVICE_IP=10.96.77.1
# shellcheck disable=SC2034 # render uses it by its name
DNS_IP=10.96.77.10

configure() {
  mkdir -p "$WORK"/etc/cni "$WORK"/state "$WORK"/log
  choose_port
  make_keys
  : >"$WORK/etc/resolv.conf" # nothing outside answers
  local f
  for f in "$HERE"/node/etc/*; do render "$f" >"$WORK/etc/${f##*/}"; done
  mv "$WORK/etc/cni.conflist" "$WORK/etc/cni/10-testbed.conflist"
  declare -p WORK NODE NODE_IP POD_CIDR SERVICE_CIDR PORT >"$WORK/etc/env"
}

# The forwarder outside and the API server inside use one port number, so that
# one kubeconfig is right on both sides. A cluster that was kept takes its old
# port again when it is free: its keys, and so its pods' tokens, stay good.
choose_port() {
  PORT=$(cat "$WORK/etc/port" 2>/dev/null || echo 26443)
  local i
  for ((i = 0; i < 50; i++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || break
    PORT=$((PORT + 1))
  done
}

make_keys() {
  if [ "$(cat "$WORK/etc/port" 2>/dev/null)" != "$PORT" ]; then
    rm -rf "$WORK/etc/pki"
    "$WORK/bin/nodetool" pki -dir "$WORK/etc/pki" -server "https://127.0.0.1:$PORT" \
      -node "$NODE" -node-ip "$NODE_IP" -service-ip "$SERVICE_IP"
    echo "$PORT" >"$WORK/etc/port"
  fi
  install -m 600 "$WORK/etc/pki/admin.kubeconfig" "$WORK/kubeconfig"
}

# A template of node/etc with its @NAMES@ filled in.
render() {
  local text name
  text=$(<"$1")
  for name in WORK NODE NODE_IP POD_CIDR DNS_IP; do text=${text//"@$name@"/"${!name}"}; done
  printf '%s\n' "$text"
}
