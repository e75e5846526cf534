{{/*
One CronJob. Called with (dict "root" $ "of" SETTINGS "component" NAME "name" NAME "schedule" CRON "suspend" BOOL "args" LIST
"concurrency" POLICY "backoffLimit" N "deadline" SECONDS "grace" SECONDS "late" SECONDS "successes" N "failures" N "final" LIST).
*/}}
{{- define "camunda-backup.cronJob" -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ .name }}
  namespace: {{ .of.namespace }}
  labels:
    {{- include "camunda-backup.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    {{- /* By this label `create --in-cluster` finds what takes backups: verify does not. */}}
    {{- if ne .component "verify" }}
    camunda-backup/release: {{ .of.release }}
    {{- end }}
spec:
  schedule: {{ .schedule | quote }}
  timeZone: {{ .of.timeZone | quote }}
  suspend: {{ .suspend }}
  concurrencyPolicy: {{ .concurrency }}
  startingDeadlineSeconds: {{ .late | int64 }}
  successfulJobsHistoryLimit: {{ .successes }}
  failedJobsHistoryLimit: {{ .failures }}
  jobTemplate:
    metadata:
      labels:
        {{- include "camunda-backup.labels" . | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
        camunda-backup/release: {{ .of.release }}
    spec:
      backoffLimit: {{ .backoffLimit }}
      activeDeadlineSeconds: {{ .deadline }}
      # A pod that its node had to give up is started again without being counted. What a second try cannot change ends
      # the Job; the rest (12 no access, 22 cancelled, 30 exporting may still be paused, 40 held, a killed pod) is tried
      # again, and begins with repairing what the one before has left.
      podFailurePolicy:
        rules:
          - action: Ignore
            onPodConditions:
              - type: DisruptionTarget
          - action: FailJob
            onExitCodes:
              containerName: camunda-backup
              operator: In
              values: {{ toJson .final }}
      template:
        metadata:
          labels:
            {{- include "camunda-backup.labels" . | nindent 12 }}
            app.kubernetes.io/component: {{ .component }}
            camunda-backup/release: {{ .of.release }}
            {{- with .of.podLabels }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- with .of.podAnnotations }}
          annotations: {{- toYaml . | nindent 12 }}
          {{- end }}
        spec:
          {{- include "camunda-backup.podSpec" . | nindent 10 }}
{{- end }}
