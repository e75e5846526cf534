#!/usr/bin/env bash
# Proves what the cluster tests lean on, on the cluster that up.sh started:
# pods, DNS, services, port-forward, RBAC, Leases, CronJobs, Pod Security, an
# API server that dies, and helm when one is installed or built. A minute or
# two, most of it waiting for the CronJob.
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
. "$HERE/lib/gobuild.sh"
. "$HERE/lib/programs.sh"
. "$HERE/lib/helm.sh"
[ $# = 0 ] || usage
need_node
export KUBECONFIG=$WORK/kubeconfig PATH=$WORK/client:$PATH
NS=testbed-smoke
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; [ -z "${forward:-}" ] || kill "$forward" 2>/dev/null || true' EXIT

k() { kubectl -n $NS "$@"; }
passed=0 failed=0
check() { # WHAT COMMAND...
  local what=$1 begin=$SECONDS out
  shift
  if out=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "ok      $what ($((SECONDS - begin)) s)"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n%s\n' "$what" "$out"
  fi
}
eventually() { # COMMAND...
  local end=$((SECONDS + LIMIT))
  until "$@"; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.5; done
}
prints() { # WANT COMMAND...: the command succeeds and says so
  local want=$1 got
  shift
  got=$("$@") && grep -qF -- "$want" <<<"$got" || { echo "wanted: $want; got: $got"; return 1; }
}
fails_with() { # WANT COMMAND...
  local want=$1 got
  shift
  if got=$("$@" 2>&1); then echo "did not fail: $got"; return 1; fi
  grep -qF -- "$want" <<<"$got" || { echo "wanted: $want; got: $got"; return 1; }
}

build_tools
go_done
echo "a CA bundle" >"$tmp/ca.crt"
check "image made and imported" \
  "$HERE/image.sh" --file "$tmp/ca.crt=/etc/ssl/certs/ca-certificates.crt" testbed.local/hello:1 "$TOOLS/hello"
kubectl delete namespace $NS --ignore-not-found --wait=true >/dev/null
kubectl apply -f "$HERE/smoke/objects.yaml" >/dev/null

check "restricted namespace admits conforming pods; they become ready" \
  k rollout status deployment/web --timeout="${LIMIT}s"
check "restricted namespace rejects another pod" fails_with "violates PodSecurity" \
  k run loose --image=testbed.local/hello:1 --image-pull-policy=Never
pod=$(k get pod -l app=web -o 'jsonpath={.items[0].metadata.name}')
check "logs" prints "serving as $pod" k logs "$pod"
check "runs as the image's user" prints uid=65532 k exec "$pod" -- /hello id
check "extra file in the image" prints "a CA bundle" k exec "$pod" -- /hello cat /etc/ssl/certs/ca-certificates.crt
stdin() { echo "$1" | k exec -i "$pod" -- /hello cat; }
check "exec with stdin" prints "there and back" stdin "there and back"
status() { k exec "$pod" -- /hello exit 7; [ $? = 7 ]; }
check "exec keeps the exit status" status
check "service by short name" prints "from a real pod" k exec "$pod" -- /hello get http://web/
check "service by full name" prints "from a real pod" k exec "$pod" -- /hello get http://web.$NS.svc.cluster.local/
check "unknown name fails at once" fails_with "no such host" timeout 5 kubectl -n $NS exec "$pod" -- /hello get http://no.such.name/

leases=/apis/coordination.k8s.io/v1/namespaces/$NS/leases
check "RBAC allows a pod its Lease" prints '"holderIdentity":"me"' k exec "$pod" -- /hello api $leases/mine
check "RBAC denies it the Secrets" fails_with "403 Forbidden" k exec "$pod" -- /hello api /api/v1/namespaces/$NS/secrets
check "auth can-i for a service account" fails_with no k auth can-i create leases --as=system:serviceaccount:$NS:web
renewed() { kubectl -n kube-node-lease get lease testbed -o 'jsonpath={.spec.renewTime}'; }
first=$(renewed)
moved() { [ "$(renewed)" != "$first" ]; }
check "the node renews its Lease" eventually moved

forwarded() { port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$tmp/forward"); [ -n "$port" ]; }
for target in service/web "pod/$pod"; do
  remote=80
  [ "$target" = service/web ] || remote=8080
  kubectl -n $NS port-forward "$target" ":$remote" >"$tmp/forward" 2>&1 &
  forward=$!
  eventually forwarded || true
  check "port-forward to a ${target%/*}" prints "from a real pod" curl -sf -m 5 "http://127.0.0.1:${port:-0}/"
  kill $forward
  wait $forward 2>/dev/null || true
  forward=
done

check "job made from the CronJob" k create job once --from=cronjob/ask
check "it completes" k wait --for=condition=complete job/once --timeout="${LIMIT}s"
check "its log" prints "from a real pod" k logs job/once
# The CronJob owns the job made by hand too; only the controller's own has a number for a name.
fired() {
  k get jobs -o 'jsonpath={range .items[*]}{.metadata.name} {.status.succeeded}{"\n"}{end}' | grep -E '^ask-[0-9]+ 1$' >/dev/null
}
check "the CronJob fires by itself" eventually fired

server_pid() { "$HERE/exec.sh" cat /run/testbed/pid/apiserver; }
old=$(server_pid)
check "API server killed" "$HERE/apiserver.sh" kill
replaced() { [ "$(server_pid)" != "$old" ]; }
back() { eventually replaced && "$HERE/apiserver.sh" wait; }
check "it comes back" back
check "pods outlived it" prints "from a real pod" k exec "$pod" -- /hello get http://web/

if helm=$(find_helm); then
  helm() { "$helm" -n $NS "$@"; }
  check "helm $HELM_MAJOR install --wait" helm install rel "$HERE/smoke/chart" --wait --timeout "${LIMIT}s"
  check "helm $HELM_MAJOR upgrade" helm upgrade rel "$HERE/smoke/chart" --set text=other --wait --timeout "${LIMIT}s"
  check "helm $HELM_MAJOR uninstall" helm uninstall rel --wait --timeout "${LIMIT}s"
else
  say "no helm installed or built (helm.sh builds it): skipped"
fi
check "the namespace goes away" kubectl delete namespace $NS --wait=true --timeout="${LIMIT}s"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
