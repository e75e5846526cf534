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
{{- $all := list -}}{{- $names := dict -}}
{{- range $entries -}}
{{- $one := include "camunda-backup.settings" (dict "root" $ "entry" .) | fromYaml -}}
{{- include "camunda-backup.refuse" $one -}}
{{- range tuple "" "-guard" "-verify" "-check" -}}
{{- $name := printf "%s/%s%s" $one.namespace $one.fullname . -}}
{{- if hasKey $names $name -}}
{{- fail (printf "\n\ncamunda-backup: %q would be there twice, for release %q and for %q (names are cut at 45 characters). Install the chart a second time for one of them." $name (get $names $name) $one.release) -}}
{{- end -}}
{{- $_ := set $names $name $one.release -}}
{{- end -}}
{{- $all = append $all $one -}}
{{- end -}}
{{- toYaml (dict "all" $all) -}}
{{- end }}

{{/*
What a run would refuse, or what would not be what it says: said before anything is installed, in words that a schema does not
have. Called with SETTINGS.
*/}}
{{- define "camunda-backup.refuse" -}}
{{- $of := . -}}
{{- $wrong := list -}}
{{- range $name, $time := dict "create.timeout" .create.timeout "create.pauseTimeout" .create.pauseTimeout "create.resumeTimeout" .create.resumeTimeout -}}
{{- if not (and (regexMatch "^([0-9]{1,5}(ms|s|m)|[0-9]{1,4}h)+$" $time) (regexMatch "[1-9]" $time)) -}}
{{- $wrong = append $wrong (printf "%s: %q is not a length of time such as 90s, 30m or 2h." $name $time) -}}
{{- end -}}
{{- end -}}
{{- range $name, $time := dict "verify.maxAge" .verify.maxAge "keep.within" (default "1h" .keep.within) "keep.failedAfter" (default "1h" .keep.failedAfter) -}}
{{- if not (and (regexMatch "^([0-9]{1,5}(ms|s|m)|[0-9]{1,4}[hd]|[0-9]{1,3}w)+$" $time) (regexMatch "[1-9]" $time)) -}}
{{- $wrong = append $wrong (printf "%s: %q is not a length of time such as 26h, 30d or 8w." $name $time) -}}
{{- end -}}
{{- end -}}
{{- $values := dict "--timeout" "create.timeout" "--pause-timeout" "create.pauseTimeout" "--resume-timeout" "create.resumeTimeout" "--retries" "create.retries" -}}
{{- range .create.extraArgs -}}
{{- with get $values (. | splitList "=" | first) -}}
{{- $wrong = append $wrong (printf "create.extraArgs: the Job's deadline is computed from %s; give it there." .) -}}
{{- end -}}
{{- end -}}
{{- if and .search.username (not .search.passwordSecret.name) -}}
{{- $wrong = append $wrong "search.username needs search.passwordSecret.name. (Who gives the password in another way, such as by create.extraEnv, gives the user there, too.)" -}}
{{- else if and .search.passwordSecret.name (not .search.username) -}}
{{- $wrong = append $wrong "search.passwordSecret needs search.username." -}}
{{- end -}}
{{- if and .search.username .search.apiKeySecret.name -}}
{{- $wrong = append $wrong "search: give a user with a password, or apiKeySecret, not both." -}}
{{- end -}}
{{- range $name, $value := dict "verify.activeDeadlineSeconds" .verify.activeDeadlineSeconds "metrics.prometheusRule.maxGuardSilenceSeconds" .metrics.prometheusRule.maxGuardSilenceSeconds -}}
{{- if not $value -}}
{{- $wrong = append $wrong (printf "%s is missing. After an upgrade with --reuse-values: that leaves out what is new in this chart; use --reset-then-reuse-values." $name) -}}
{{- end -}}
{{- end -}}
{{- with $wrong -}}{{- fail (printf "\n\ncamunda-backup, release %q:\n  %s" $of.release (join "\n  " .)) -}}{{- end -}}
{{- end }}

{{/* The port of an URL. */}}
{{- define "camunda-backup.port" -}}
{{- $url := urlParse . -}}
{{- default (ternary "443" "80" (eq $url.scheme "https")) (regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host)) -}}
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
{{- range regexFindAll "[0-9]+(ms|s|m|h)" . -1 -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $total = add $total (mul $number (get (dict "ms" 0 "s" 1 "m" 60 "h" 3600) $unit)) -}}
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
