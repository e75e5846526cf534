#!/usr/bin/env bash
# The chart without a cluster: lint, what is accepted and refused, what each switch renders, whether the program takes the command
# lines, when each alert fires, the manifests.
#   test-chart.sh             compares with tests/snapshots/chart
#   UPDATE=1 test-chart.sh    writes them anew; look at the difference
#   STATIC_BINARY             the program; else it is built
# helm is the installed one, else it is built from its Go module (TESTBED_HELM=4: helm 4); kubectl likewise. promtool is the
# installed one, else it is taken out of Debian's package, which would install and start a server.
set -euo pipefail
cd "$(dirname "$0")/.."
. testbed/lib.sh
chart=helm/camunda-backup snapshots=tests/snapshots/chart failed=0 refusals=0
cache=${TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/camunda-backup-testbed}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
helm() { testbed/kube/helm.sh "$@"; }

get_kubectl() (
  . testbed/kube/lib/common.sh
  . "$HERE/lib/gobuild.sh"
  . "$HERE/lib/programs.sh"
  build_node
  mkdir "$tmp/bin"
  ln -s "$NODE_BINARY" "$tmp/bin/kubectl"
)
get_promtool() (
  mkdir -p "$cache/promtool"
  cd "$tmp"
  download() { apt-get -qq -o APT::Sandbox::User=root download prometheus; }
  download 2>/dev/null || { is_root && apt-get -qq update && download; } || die "please install promtool"
  dpkg-deb -x prometheus_*.deb package
  mv package/usr/bin/promtool "$cache/promtool/promtool.$$"
  mv "$cache/promtool/promtool.$$" "$cache/promtool/promtool"
)
PATH=$PATH:$tmp/bin:$cache/promtool
has kubectl || get_kubectl
has promtool || get_promtool
binary=${STATIC_BINARY:-}
[ -n "$binary" ] || { cargo build -q --locked && binary=${CARGO_TARGET_DIR:-target}/debug/kubectl-camunda_backup; }

# Without empty lines, which helm 3 and 4 do not set alike.
render() { helm template backup "$chart" --namespace camunda "$@" | sed '/^ *$/d'; }
fail() { echo "FAILED: $*" >&2; failed=1; }

# NAME ARGUMENT...: what differs from the plain chart is the snapshot.
snapshot() {
  local name=$1; shift
  if ! render "$@" >"$tmp/$name.yaml" 2>"$tmp/error"; then fail "$name does not render: $(cat "$tmp/error")"; return; fi
  if [ "$name" = plain ]; then cp "$tmp/plain.yaml" "$tmp/snapshot"
  else diff -U 4 "$tmp/plain.yaml" "$tmp/$name.yaml" | sed -e 1,2d -e 's/^@@.*/@@/' >"$tmp/snapshot" || true
    [ -s "$tmp/snapshot" ] || { fail "$name changes nothing"; return; }
  fi
  if [ -n "${UPDATE:-}" ]; then mkdir -p "$snapshots" && cp "$tmp/snapshot" "$snapshots/$name.txt"; fi
  diff -u "$snapshots/$name.txt" "$tmp/snapshot" || fail "$name renders something else"
}

# WORDS ARGUMENT...: is refused, with these words in the message.
refused() {
  local words=$1; shift
  refusals=$((refusals + 1))
  if render "$@" >/dev/null 2>"$tmp/error"; then fail "accepted: $*"
  elif ! grep -qiF -- "$words" "$tmp/error"; then fail "$* is refused without \"$words\": $(cat "$tmp/error")"; fi
}

helm lint --strict "$chart" --set release=camunda >/dev/null || fail lint

one=(--set release=camunda)
snapshot plain "${one[@]}"
snapshot suspended "${one[@]}" --set suspend=true
snapshot guard-off "${one[@]}" --set guard.enabled=false
snapshot verify-on "${one[@]}" --set verify.enabled=true
snapshot digest "${one[@]}" --set image.repository=registry.test/backup,image.digest=sha256:"$(printf '0%.0s' {1..64})"
snapshot keep-everything "${one[@]}" --set keep.daily=0,keep.weekly=0,keep.failedAfter=
snapshot keep-all-rules "${one[@]}" --set keep.last=3,keep.within=30d,keep.hourly=1,keep.monthly=12,keep.yearly=2
snapshot time-zone "${one[@]}" --set timeZone=Europe/Berlin
snapshot limits "${one[@]}" --set create.timeout=1h30m,create.resumeTimeout=90s,create.retries=0,job.backoffLimit=0
snapshot deadline "${one[@]}" --set job.activeDeadlineSeconds=999
snapshot search-secrets "${one[@]}" --set search.username=backup,search.passwordSecret.name=es,search.caSecret.name=ca,search.clientCertSecret.name=client
snapshot api-key "${one[@]}" --set search.apiKeySecret.name=key
snapshot secret-by-name "${one[@]}" --set 'rbac.secretNames={elasticsearch}'
snapshot account-of-theirs "${one[@]}" --set serviceAccount.create=false,serviceAccount.name=mine,rbac.create=false
snapshot urls "${one[@]}" --set urls.gateway=http://gateway:9600 --set 'urls.brokers={http://b0:9600,http://b1:9600}' --set urls.search=https://es:9200,repository=camunda,recordsPrefix=zb,camundaVersion=8.6.1
snapshot network-open "${one[@]}" --set networkPolicy.enabled=false
snapshot network-elsewhere "${one[@]}" --set 'networkPolicy.extraEgress[0].to[0].ipBlock.cidr=10.0.0.0/8' --set 'networkPolicy.apiServerCidrs={10.96.0.1/32,fd00::1/128}'
snapshot pod-extras "${one[@]}" --set 'extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=http://proxy,extraVolumes[0].name=v,extraVolumes[0].configMap.name=c,extraVolumeMounts[0].name=v,extraVolumeMounts[0].mountPath=/v,imagePullSecrets[0].name=r,priorityClassName=high,nodeSelector.disk=ssd,podLabels.team=a,podAnnotations.note=b'
alerts=(--set metrics.prometheusRule.enabled=true --set metrics.prometheusRule.labels.release=prometheus)
snapshot metrics "${one[@]}" "${alerts[@]}" --set metrics.pushUrl=http://pushgateway:9091
snapshot metrics-verified "${one[@]}" "${alerts[@]}" --set metrics.pushUrl=https://pushgateway.test/path,metrics.prometheusRule.maxAgeSeconds=3600,verify.enabled=true
snapshot alerts-alone "${one[@]}" "${alerts[@]}" --set guard.enabled=false
snapshot dashboard "${one[@]}" --set metrics.dashboard.enabled=true
snapshot no-test "${one[@]}" --set test.enabled=false
snapshot shared-account --set 'releases[0].release=camunda,releases[1].release=other,serviceAccount.name=mine'
snapshot several "${alerts[@]}" --set 'releases[0].release=camunda,releases[1].release=other,releases[1].namespace=other,releases[1].keep.daily=2,releases[1].guard.enabled=false'

refused "which release" --set guard.enabled=true
refused "not both" "${one[@]}" --set 'releases[0].release=x'
refused "twice" --set 'releases[0].release=x,releases[1].release=x'
refused "twice" --set 'releases[0].release=x,releases[1].release=x-guard'
refused "twice" --set 'releases[0].release=x-verify,releases[1].release=x'
refused "twice" --set 'releases[0].release=x,releases[1].release=x-check'
refused "relase" --set relase=camunda
refused "pattern" --set release=Camunda_1
refused "keep" "${one[@]}" --set keep.weeks=3
refused "daily" "${one[@]}" --set keep.daily=-1
for time in 30 1y 0d "" 9999999h; do
  refused "verify.maxAge: \"$time\" is not a length of time" "${one[@]}" --set-string verify.maxAge="$time"
  [ -z "$time" ] || refused "keep.within: \"$time\"" "${one[@]}" --set-string keep.within="$time"
done
for time in 3 1d 0s 0h0m 1.5h -1s "" 99999h; do
  refused "create.pauseTimeout: \"$time\" is not a length of time" "${one[@]}" --set-string create.pauseTimeout="$time"
done
for flag in --timeout=4h --pause-timeout --resume-timeout=9m --retries=3; do
  refused "the Job's deadline is computed from create." "${one[@]}" --set "create.extraArgs={$flag}"
done
refused "needs search.passwordSecret" "${one[@]}" --set search.username=backup
refused "needs search.username" "${one[@]}" --set search.passwordSecret.name=es
refused "not both" "${one[@]}" --set search.username=backup,search.passwordSecret.name=es,search.apiKeySecret.name=key
refused "apiServerCidrs" "${one[@]}" --set 'networkPolicy.apiServerCidrs={10.0.0.1}'
refused "schedule" "${one[@]}" --set schedule=nightly
refused "digest" "${one[@]}" --set image.digest=latest
refused "onFailure" "${one[@]}" --set create.onFailure=retry
refused "pushUrl" "${one[@]}" --set metrics.pushUrl=pushgateway
refused "release" --set 'releases[0].schedule=0 1 * * *'
refused "backup" --set 'releases[0].release=x,releases[0].backup=y'

# An upgrade: --reset-then-reuse-values sets what a user has set, on top of this chart's values; --reuse-values forgets what is
# new in them, which is said.
cp -r "$chart" "$tmp/reused"
sed -i '/activeDeadlineSeconds: 7200/d' "$tmp/reused/values.yaml"
printf 'release: camunda\nverify: {maxAge: 26h}\n' >"$tmp/set.yaml"
render -f "$tmp/set.yaml" | diff -u "$tmp/plain.yaml" - || fail "an upgrade with what a user has set"
if helm template backup "$tmp/reused" -f "$tmp/set.yaml" >/dev/null 2>"$tmp/error"; then fail "--reuse-values is accepted"
else grep -q -- --reset-then-reuse-values "$tmp/error" || fail "--reuse-values: $(cat "$tmp/error")"; fi

# The notes, as a template: without a cluster helm shows no notes.
cp -r "$chart" "$tmp/noted"
{ printf '{{ define "notes" }}'; cat "$chart/templates/NOTES.txt"; printf '{{ end }}\nnotes: {{ include "notes" . | toJson }}\n'; } \
  >"$tmp/noted/templates/notes.yaml"
notes() { # WORDS ARGUMENT...
  local words=$1; shift
  helm template backup "$tmp/noted" --namespace camunda -s templates/notes.yaml "${one[@]}" "$@" >"$tmp/notes"
  grep -qF -- "$words" "$tmp/notes" || fail "the notes do not say \"$words\": $(cat "$tmp/notes")"
}
notes "helm test backup -n camunda --logs"
notes "kubectl logs -n prod pod/backup-camunda-check" --set namespace=prod

# The program takes every command line: where no API server answers it gets as far as asking it (12), and with URLs in place of
# the release past all that was given (not 2).
cat >"$tmp/kubeconfig" <<'END'
apiVersion: v1
kind: Config
current-context: none
contexts: [{name: none, context: {cluster: none, user: none}}]
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: none, user: {}}]
END
for file in "$tmp"/*.yaml; do
  ! grep -q '^kind: CronJob' "$file" || kubectl label --local -o json -f "$file" of="$(basename "$file" .yaml)"
done >"$tmp/objects.json"
python3 - "$binary" "$tmp" <<'END' || fail "command lines"
import concurrent.futures, json, os, subprocess, sys
binary, tmp = sys.argv[1:]
pem = "src/cluster/forward/testdata"
secrets = {"password/value": "x", "api-key/value": "x", "ca/value": open(f"{pem}/cert.pem").read(),
           "client/tls.crt": open(f"{pem}/cert.pem").read(), "client/tls.key": open(f"{pem}/key.pem").read()}
for file, content in secrets.items():
    os.makedirs(os.path.dirname(f"{tmp}/secrets/{file}"), exist_ok=True)
    open(f"{tmp}/secrets/{file}", "w").write(content)
text, at, commands = open(f"{tmp}/objects.json").read().strip(), 0, {}
while at < len(text):
    thing, at = json.JSONDecoder().raw_decode(text, at)
    at += len(text[at:]) - len(text[at:].lstrip())
    if thing["kind"] not in ("CronJob", "Pod"): continue
    spec = thing["spec"] if thing["kind"] == "Pod" else thing["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    container = spec["containers"][0]
    env = {e["name"]: e.get("value", "namespace").replace("/etc/camunda-backup", f"{tmp}/secrets") for e in container["env"]}
    commands[json.dumps([container["args"], env], sort_keys=True)] = thing["metadata"]["labels"]["of"]
def run(name, args, env, good):
    env = {"KUBECONFIG": f"{tmp}/kubeconfig", "HOME": tmp, **env}
    done = subprocess.run([binary, *args], env=env, capture_output=True, text=True)
    return None if good(done.returncode) else f"{name}: {args} with {env} ends with {done.returncode}: {done.stderr}"
nowhere = {"GATEWAY_MANAGEMENT_API": "http://127.0.0.1:1", "ELASTIC_ENDPOINT": "http://127.0.0.1:1", "ELASTIC_SNAPSHOT_REPOSITORY": "r"}
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    runs = []
    for command, name in commands.items():
        args, env = json.loads(command)
        runs.append(pool.submit(run, name, args, env, lambda code: code == 12))
        env = {k: v for k, v in env.items() if k not in ("CAMUNDA_RELEASE_NAME", "CAMUNDA_BACKUP_NAMESPACE")}
        runs.append(pool.submit(run, name, args, {**nowhere, **env}, lambda code: code != 2))
bad = [run.result() for run in runs if run.result()]
print(*bad, sep="\n", end="\n" if bad else "")
sys.exit(bool(bad) or len(runs) < 20)
END

# The alerts: every rendered rule is one, and fires when it should. The dashboard's expressions as rules.
rules() { # FILE: the rules in it
  echo groups:
  awk '/^---/ { rule = spec = 0 } /^kind: PrometheusRule/ { rule = 1 } rule && /^spec:/ { spec = 1; next } spec && !/^  groups:/' "$1"
}
for file in "$tmp"/*.yaml; do
  grep -q '^kind: PrometheusRule' "$file" || continue
  rules "$file" >"$tmp/rules.yaml"
  promtool check rules "$tmp/rules.yaml" >"$tmp/error" 2>&1 || fail "rules of $file: $(cat "$tmp/error")"
done
rules "$tmp/metrics-verified.yaml" >"$tmp/rules.yaml"
cp tests/alerts.yaml "$tmp"
promtool test rules "$tmp/alerts.yaml" >"$tmp/error" 2>&1 || fail "alerts: $(cat "$tmp/error")"
python3 - "$chart" >"$tmp/panels.json" <<'END'
import json, sys
panels = json.load(open(f"{sys.argv[1]}/files/dashboard.json"))["panels"]
rules = [{"record": f"panel:{panel['id']}", "expr": target["expr"]} for panel in panels for target in panel["targets"]]
print(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
END
promtool check rules "$tmp/panels.json" >"$tmp/error" 2>&1 || fail "dashboard: $(cat "$tmp/error")"

# Every value has a comment on it or on its group, and stands in the schema.
python3 - "$chart" <<'END' || fail "values.yaml and its schema"
import json, re, sys
chart = sys.argv[1]
schema = json.load(open(f"{chart}/values.schema.json"))["properties"]
commented, previous, bad = None, "", []
for line in open(f"{chart}/values.yaml"):
    key = re.match(r"([A-Za-z]+):", line)
    if key:
        if key[1] not in schema: bad.append(f"{key[1]} is not in the schema")
        follows = previous.startswith("#")
        commented = key[1] if follows else None
        nested = line.rstrip().endswith(":")
        if not follows and not nested: bad.append(f"{key[1]} has no comment")
    previous = line
json.load(open(f"{chart}/files/dashboard.json"))
print(*bad, sep="\n", end="\n" if bad else "")
sys.exit(bool(bad))
END

scripts/manifests.sh --check || failed=1
! grep helm.sh/ manifests/camunda-backup.yaml || fail "the manifests have something for Helm alone"
# Moved by kustomize, they are what the chart renders there.
mkdir "$tmp/moved" "$tmp/rendered"
cp -r manifests "$tmp/moved/base"
cp manifests/kustomization.yaml "$tmp/rendered"
scripts/manifests.sh --print prod >"$tmp/rendered/camunda-backup.yaml"
sed -i 's/^namespace: .*/namespace: prod/' "$tmp/rendered/kustomization.yaml"
printf 'namespace: prod\nresources: [base]\n' >"$tmp/moved/kustomization.yaml"
for folder in moved rendered; do kubectl kustomize "$tmp/$folder" >"$tmp/$folder.yaml"; done
diff -u "$tmp/rendered.yaml" "$tmp/moved.yaml" || fail "kustomize does not move everything"
[ $failed = 0 ] || exit 1
echo "test-chart: $(find $snapshots -name '*.txt' | wc -l) renderings, $refusals refusals, command lines, alerts, the manifests: as they should be ($(helm version --short))"
