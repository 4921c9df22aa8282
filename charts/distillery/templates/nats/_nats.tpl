{{- define "distillery.nats.name" -}}
{{- include "distillery.fullname" . -}}-nats
{{- end -}}
{{/* The Secret with all keys. A job of the release makes it; helm never sees its content. */}}
{{- define "distillery.nats.keys" -}}
{{- include "distillery.nats.name" . -}}-keys
{{- end -}}
{{- define "distillery.nats.selector" -}}
app.kubernetes.io/name: distillery-nats
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "distillery.nats.labels" -}}
{{ include "distillery.nats.selector" . }}
app.kubernetes.io/version: {{ .Values.nats.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* Address of NATS for the operator: of the release's own server, or the one that the values name. */}}
{{- define "distillery.nats.url" -}}
{{- if .Values.nats.enabled -}}
nats://{{ include "distillery.nats.name" . }}.{{ .Release.Namespace }}.svc:4222
{{- else -}}
{{- .Values.nats.url -}}
{{- end -}}
{{- end -}}
{{- define "distillery.nats.workerUrl" -}}
{{- if .Values.nats.enabled -}}{{ include "distillery.nats.url" . }}{{- else -}}{{ default .Values.nats.url .Values.nats.workerUrl }}{{- end -}}
{{- end -}}
{{- define "distillery.nats.secret" -}}
{{- if .Values.nats.enabled -}}{{ include "distillery.nats.keys" . }}{{- else -}}{{ .Values.nats.existingSecret }}{{- end -}}
{{- end -}}
{{/* Ports of the servers that the values name, one a line; 4222 where an address has none. */}}
{{- define "distillery.nats.ports" -}}
{{- range splitList "," .Values.nats.url -}}
{{- regexFind ":[0-9]+$" (trim .) | trimPrefix ":" | default "4222" }}
{{ end -}}
{{- end -}}

{{/* Bytes of a quantity such as 1.5Gi, as a whole number. */}}
{{- define "distillery.bytes" -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mulf (float64 $number) (float64 (index $units (trimPrefix $number $text))) | int64 -}}
{{- end -}}
{{/* A percentage of a quantity, in bytes: `list 90 "1Gi"`. */}}
{{- define "distillery.percent" -}}
{{- div (mul (int64 (include "distillery.bytes" (last .))) (first .)) 100 -}}
{{- end -}}
