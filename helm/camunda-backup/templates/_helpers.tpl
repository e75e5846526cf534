{{/*
One release's settings: the chart's values with what its entry in `releases` says on top. Called with (dict "root" $ "entry" ENTRY);
gives YAML.
*/}}
{{- define "camunda-backup.settings" -}}
{{- $base := omit (deepCopy .root.Values) "releases" "global" -}}
{{- $all := mergeOverwrite $base (deepCopy .entry) -}}
{{- $_ := set $all "namespace" (default .root.Release.Namespace $all.namespace) -}}
{{- $_ := set $all "fullname" (printf "%s-%s" .root.Release.Name $all.release | trunc 45 | trimSuffix "-") -}}
{{- $_ := set $all "account" (default $all.fullname $all.serviceAccount.name) -}}
{{- toYaml $all -}}
{{- end }}

{{/* All releases, as a list under "all". */}}
{{- define "camunda-backup.releases" -}}
{{- $entries := list -}}
{{- if and .Values.release .Values.releases -}}
{{- fail "\n\ncamunda-backup: give `release` or `releases`, not both." -}}
{{- end -}}
{{- if .Values.releases -}}{{- $entries = .Values.releases -}}
{{- else if .Values.release -}}{{- $entries = list (dict "release" .Values.release) -}}
{{- else -}}
{{- fail "\n\ncamunda-backup: which release is to be backed up? Give the name of Camunda's Helm release (see `helm list`):\n  --set release=camunda" -}}
{{- end -}}
{{- $all := list -}}{{- $seen := dict -}}
{{- range $entries -}}
{{- $one := include "camunda-backup.settings" (dict "root" $ "entry" .) | fromYaml -}}
{{- $key := printf "%s/%s" $one.namespace $one.fullname -}}
{{- if hasKey $seen $key -}}{{- fail (printf "\n\ncamunda-backup: release %q in namespace %q is there twice, or its name is too long to tell it from another one." $one.release $one.namespace) -}}{{- end -}}
{{- $_ := set $seen $key true -}}
{{- $all = append $all $one -}}
{{- end -}}
{{- toYaml (dict "all" $all) -}}
{{- end }}

{{/* What every object carries; called with (dict "root" $ "of" SETTINGS). */}}
{{- define "camunda-backup.labels" -}}
app.kubernetes.io/name: camunda-backup
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .of.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What tells the pods of one release; called with SETTINGS. */}}
{{- define "camunda-backup.selector" -}}
app.kubernetes.io/name: camunda-backup
camunda-backup/release: {{ .release }}
{{- end }}

{{- define "camunda-backup.image" -}}
{{- if .of.image.digest -}}
{{ .of.image.repository }}@{{ .of.image.digest }}
{{- else -}}
{{ .of.image.repository }}:{{ default .root.Chart.AppVersion .of.image.tag }}
{{- end -}}
{{- end }}

{{/* A length of time such as 1h30m in seconds. */}}
{{- define "camunda-backup.seconds" -}}
{{- $total := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h|d|w)" . -1 -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $total = add $total (mul $number (get (dict "ms" 0 "s" 1 "m" 60 "h" 3600 "d" 86400 "w" 604800) $unit)) -}}
{{- end -}}
{{- $total -}}
{{- end }}

{{/* How long a pod has to end: as long as it goes on trying to resume exporting, and a minute. */}}
{{- define "camunda-backup.grace" -}}
{{- add (include "camunda-backup.seconds" .create.resumeTimeout | int64) 60 -}}
{{- end }}

{{/*
When Kubernetes ends a run of `create`: later than every limit of its own. Each attempt has its timeout, the time to resume, and
ten minutes for what a failed one has begun; before the first a dead run may have to be repaired, after the last there is
pruning (half an hour); and all of it once for each pod.
*/}}
{{- define "camunda-backup.deadline" -}}
{{- if .job.activeDeadlineSeconds -}}{{ .job.activeDeadlineSeconds | int64 }}
{{- else -}}
{{- $resume := include "camunda-backup.seconds" .create.resumeTimeout | int64 -}}
{{- $attempt := add (include "camunda-backup.seconds" .create.timeout | int64) $resume 600 -}}
{{- $pod := add (mul $attempt (add1 (.create.retries | int64))) $resume 1800 60 -}}
{{- mul $pod (add1 (.job.backoffLimit | int64)) -}}
{{- end -}}
{{- end }}
