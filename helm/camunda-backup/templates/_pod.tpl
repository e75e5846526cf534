{{/*
The pod of every Job and of the test. Called with (dict "root" $ "of" SETTINGS "component" NAME "args" LIST "grace" SECONDS).
Its container is called camunda-backup and its arguments begin with the verb: `create --in-cluster` relies on both.
*/}}
{{- define "camunda-backup.podSpec" -}}
{{- $of := .of -}}
restartPolicy: Never
serviceAccountName: {{ $of.account }}
terminationGracePeriodSeconds: {{ .grace }}
enableServiceLinks: false
{{- with $of.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $of.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $of.podSecurityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: camunda-backup
    image: {{ include "camunda-backup.image" . | quote }}
    imagePullPolicy: {{ $of.image.pullPolicy }}
    args: {{- toYaml .args | nindent 6 }}
    env: {{- include "camunda-backup.env" $of | nindent 6 }}
    {{- with $of.extraEnvFrom }}
    envFrom: {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $of.resources }}
    resources: {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $of.securityContext }}
    securityContext: {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- $mounts := include "camunda-backup.mounts" $of }}
    {{- if trim $mounts }}
    volumeMounts: {{- $mounts | nindent 6 }}
    {{- end }}
{{- $volumes := include "camunda-backup.volumes" $of }}
{{- if trim $volumes }}
volumes: {{- $volumes | nindent 2 }}
{{- end }}
{{- with $of.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $of.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $of.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where the release is, for every verb; called with SETTINGS. Variables, because not every verb knows every flag; the
namespace is the pod's own, wherever kustomize has moved it. */}}
{{- define "camunda-backup.env" -}}
{{- $env := list
  (dict "name" "CAMUNDA_RELEASE_NAME" "value" .release)
  (dict "name" "CAMUNDA_BACKUP_NAMESPACE" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.namespace")))
  (dict "name" "CAMUNDA_BACKUP_LOG_FORMAT" "value" .logFormat)
-}}
{{- $plain := dict
  "GATEWAY_MANAGEMENT_API" .urls.gateway
  "BROKER_MANAGEMENT_APIS" (join "," .urls.brokers)
  "OPERATE_MANAGEMENT_API" .urls.operate
  "TASKLIST_MANAGEMENT_API" .urls.tasklist
  "OPTIMIZE_MANAGEMENT_API" .urls.optimize
  "ELASTIC_ENDPOINT" .urls.search
  "ELASTIC_SNAPSHOT_REPOSITORY" .repository
  "CAMUNDA_BACKUP_RECORDS_PREFIX" .recordsPrefix
  "CAMUNDA_BACKUP_CAMUNDA_VERSION" .camundaVersion
  "CAMUNDA_BACKUP_SEARCH_USERNAME" .search.username
  "CAMUNDA_BACKUP_METRICS_PUSH_URL" .metrics.pushUrl
  "CAMUNDA_BACKUP_SEARCH_PASSWORD_FILE" (ternary "/etc/camunda-backup/password/value" "" (not (empty .search.passwordSecret.name)))
  "CAMUNDA_BACKUP_SEARCH_API_KEY_FILE" (ternary "/etc/camunda-backup/api-key/value" "" (not (empty .search.apiKeySecret.name)))
  "CAMUNDA_BACKUP_SEARCH_CA_FILE" (ternary "/etc/camunda-backup/ca/value" "" (not (empty .search.caSecret.name)))
  "CAMUNDA_BACKUP_SEARCH_CLIENT_CERT_FILE" (ternary "/etc/camunda-backup/client/tls.crt" "" (not (empty .search.clientCertSecret.name)))
  "CAMUNDA_BACKUP_SEARCH_CLIENT_KEY_FILE" (ternary "/etc/camunda-backup/client/tls.key" "" (not (empty .search.clientCertSecret.name)))
-}}
{{- range $name := keys $plain | sortAlpha -}}
{{- with get $plain $name -}}{{- $env = append $env (dict "name" $name "value" .) -}}{{- end -}}
{{- end -}}
{{- toYaml (concat $env .extraEnv) -}}
{{- end }}

{{/* Files from Secrets: directory → Secret and key. */}}
{{- define "camunda-backup.files" -}}
{{- $files := list -}}
{{- range $directory, $secret := dict "password" .search.passwordSecret "api-key" .search.apiKeySecret "ca" .search.caSecret -}}
{{- if $secret.name -}}{{- $files = append $files (dict "directory" $directory "secret" $secret.name "items" (list (dict "key" $secret.key "path" "value"))) -}}{{- end -}}
{{- end -}}
{{- with .search.clientCertSecret.name -}}
{{- $files = append $files (dict "directory" "client" "secret" . "items" (list (dict "key" "tls.crt" "path" "tls.crt") (dict "key" "tls.key" "path" "tls.key"))) -}}
{{- end -}}
{{- toYaml (dict "files" $files) -}}
{{- end }}

{{- define "camunda-backup.mounts" -}}
{{- $mounts := list -}}
{{- range (include "camunda-backup.files" . | fromYaml).files -}}
{{- $mounts = append $mounts (dict "name" (printf "search-%s" .directory) "mountPath" (printf "/etc/camunda-backup/%s" .directory) "readOnly" true) -}}
{{- end -}}
{{- $mounts = concat $mounts .extraVolumeMounts -}}
{{- if $mounts -}}{{- toYaml $mounts -}}{{- end -}}
{{- end }}

{{- define "camunda-backup.volumes" -}}
{{- $volumes := list -}}
{{- range (include "camunda-backup.files" . | fromYaml).files -}}
{{- $volumes = append $volumes (dict "name" (printf "search-%s" .directory) "secret" (dict "secretName" .secret "items" .items "defaultMode" 288)) -}}
{{- end -}}
{{- $volumes = concat $volumes .extraVolumes -}}
{{- if $volumes -}}{{- toYaml $volumes -}}{{- end -}}
{{- end }}
