# The node's programs, with their flags, in the order in which they need each
# other. Sourced by init.sh.
# shellcheck shell=bash

start_programs() {
  P=$WORK/etc/pki
  run_etcd
  supervise containerd containerd -c "$WORK/etc/containerd.toml" -l warn
  await 60 curl -sf http://127.0.0.1:2379/health
  run_apiserver
  supervise kubelet kubelet --config "$WORK/etc/kubelet.yaml" --kubeconfig "$P/node.kubeconfig" \
    --hostname-override "$NODE" --node-ip "$NODE_IP"
  await 180 curl -sf --cacert "$P/ca.crt" "https://127.0.0.1:$PORT/readyz"
  run_controller_manager
  run_scheduler
  supervise proxy kube-proxy --config "$WORK/etc/proxy.yaml"
  supervise dns coredns -conf "$WORK/etc/Corefile"
}

run_etcd() {
  # Nothing here outlives a crash of the machine, so nothing waits for the disk.
  supervise etcd etcd --data-dir "$WORK/state/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster default=http://127.0.0.1:2380
}

# --advertise-address must not be loopback: it is the "kubernetes" service's endpoint.
run_apiserver() {
  supervise apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 \
    --secure-port "$PORT" --advertise-address "$NODE_IP" --service-cluster-ip-range "$SERVICE_CIDR" \
    --tls-cert-file "$P/apiserver.crt" --tls-private-key-file "$P/apiserver.key" \
    --client-ca-file "$P/ca.crt" \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$P/sa.key" --service-account-signing-key-file "$P/sa.key" \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true \
    --kubelet-certificate-authority "$P/ca.crt" --kubelet-preferred-address-types InternalIP \
    --kubelet-client-certificate "$P/apiserver-kubelet-client.crt" \
    --kubelet-client-key "$P/apiserver-kubelet-client.key" \
    --requestheader-client-ca-file "$P/front-proxy-ca.crt" \
    --requestheader-allowed-names front-proxy-client \
    --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
    --requestheader-extra-headers-prefix X-Remote-Extra- \
    --proxy-client-cert-file "$P/front-proxy-client.crt" --proxy-client-key-file "$P/front-proxy-client.key" \
    --enable-aggregator-routing=true --profiling=false
}

# At the default 20 requests a second the service accounts of the controllers
# alone take 5 s at the start: hence the rate.
run_controller_manager() {
  supervise controller-manager kube-controller-manager --kubeconfig "$P/controller-manager.kubeconfig" \
    --authentication-kubeconfig "$P/controller-manager.kubeconfig" \
    --authorization-kubeconfig "$P/controller-manager.kubeconfig" \
    --bind-address 127.0.0.1 --leader-elect=false --use-service-account-credentials=true \
    --root-ca-file "$P/ca.crt" --service-account-private-key-file "$P/sa.key" \
    --cluster-signing-cert-file "$P/ca.crt" --cluster-signing-key-file "$P/ca.key" \
    --kube-api-qps 300 --kube-api-burst 600 --profiling=false
}

run_scheduler() {
  supervise scheduler kube-scheduler --kubeconfig "$P/scheduler.kubeconfig" \
    --authentication-kubeconfig "$P/scheduler.kubeconfig" \
    --authorization-kubeconfig "$P/scheduler.kubeconfig" \
    --bind-address 127.0.0.1 --leader-elect=false --profiling=false
}
