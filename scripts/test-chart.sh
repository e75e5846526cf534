#!/usr/bin/env bash
# The chart without a cluster: lint, what the schema accepts and refuses, what each switch renders, the manifests.
#   test-chart.sh             compares with tests/snapshots/chart
#   UPDATE=1 test-chart.sh    writes them anew; look at the difference
# helm is the installed one, else it is built from its Go module (TESTBED_HELM=4: helm 4).
set -euo pipefail
cd "$(dirname "$0")/.."
chart=helm/camunda-backup snapshots=tests/snapshots/chart failed=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
helm() { testbed/kube/helm.sh "$@"; }
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
snapshot network-elsewhere "${one[@]}" --set 'networkPolicy.extraEgress[0].to[0].ipBlock.cidr=10.0.0.0/8'
snapshot pod-extras "${one[@]}" --set 'extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=http://proxy,extraVolumes[0].name=v,extraVolumes[0].configMap.name=c,extraVolumeMounts[0].name=v,extraVolumeMounts[0].mountPath=/v,imagePullSecrets[0].name=r,priorityClassName=high,nodeSelector.disk=ssd,podLabels.team=a,podAnnotations.note=b'
snapshot metrics "${one[@]}" --set metrics.pushUrl=http://pushgateway:9091,metrics.prometheusRule.enabled=true,metrics.prometheusRule.labels.release=prometheus
snapshot dashboard "${one[@]}" --set metrics.dashboard.enabled=true
snapshot no-test "${one[@]}" --set test.enabled=false
snapshot several --set 'releases[0].release=camunda,releases[1].release=other,releases[1].namespace=other,releases[1].keep.daily=2,releases[1].guard.enabled=false'

refused "which release" --set guard.enabled=true
refused "not both" "${one[@]}" --set 'releases[0].release=x'
refused "twice" --set 'releases[0].release=x,releases[1].release=x'
refused "relase" --set relase=camunda
refused "pattern" --set release=Camunda_1
refused "keep" "${one[@]}" --set keep.weeks=3
refused "daily" "${one[@]}" --set keep.daily=-1
refused "within" "${one[@]}" --set keep.within=30
refused "schedule" "${one[@]}" --set schedule=nightly
refused "timeout" "${one[@]}" --set create.timeout=3
refused "digest" "${one[@]}" --set image.digest=latest
refused "onFailure" "${one[@]}" --set create.onFailure=retry
refused "pushUrl" "${one[@]}" --set metrics.pushUrl=pushgateway
refused "release" --set 'releases[0].schedule=0 1 * * *'
refused "backup" --set 'releases[0].release=x,releases[0].backup=y'

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
echo "test-chart: $(find $snapshots -name '*.txt' | wc -l) renderings, 15 refusals, the manifests: as they should be ($(helm version --short))"
