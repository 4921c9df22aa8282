{{- define "distillery.name" -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- define "distillery.fullname" -}}
{{- if contains "distillery" .Release.Name -}}{{ include "distillery.name" . }}{{- else -}}{{ include "distillery.name" . }}-distillery{{- end -}}
{{- end -}}
{{- define "distillery.serviceAccount" -}}
{{- default (include "distillery.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}
{{- define "distillery.selector" -}}
app.kubernetes.io/name: distillery-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "distillery.labels" -}}
{{ include "distillery.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}
{{- define "distillery.image" -}}
{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}
{{- end -}}
