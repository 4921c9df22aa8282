{{- define "distillery.name" -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- define "distillery.fullname" -}}
{{- if contains "distillery" .Release.Name -}}{{ include "distillery.name" . }}{{- else -}}{{ include "distillery.name" . }}-distillery{{- end -}}
{{- end -}}
{{/* Of what belongs to the whole cluster: releases of the same name in other namespaces are others. */}}
{{- define "distillery.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "distillery.fullname" .) -}}
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
{{/* The same, or "" where the values name no repository. */}}
{{- define "distillery.optionalImage" -}}
{{- if (.image).repository }}{{ include "distillery.image" . }}{{ else }}""{{ end -}}
{{- end -}}
{{/* What the restricted Pod Security Standard wants, for every pod of the release. */}}
{{- define "distillery.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end -}}
{{- define "distillery.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities: { drop: [ALL] }
readOnlyRootFilesystem: true
{{- end -}}

{{/* Refuses values that contradict each other, with a sentence that helps; values.schema.json judges each alone. */}}
{{- define "distillery.check" -}}
{{- $nats := .Values.nats -}}
{{- if $nats.enabled -}}
{{- range $key := list "url" "workerUrl" "existingSecret" -}}
{{- if index $nats $key -}}
{{- fail (printf "nats.%s: found %q beside nats.enabled=true, expected nothing; remove it, or set nats.enabled=false" $key (index $nats $key)) -}}
{{- end -}}
{{- end -}}
{{- if ne $nats.auth "accounts" -}}
{{- fail (printf "nats.auth: found %q beside nats.enabled=true, expected accounts; remove it" $nats.auth) -}}
{{- end -}}
{{- else -}}
{{- $secret := dict "accounts" "operator-signing.seed and system.creds" "signed" "operator.creds and signing.seed" "password" "operator.password and worker.password" -}}
{{- if not $nats.url -}}
{{- fail "nats.url: found nothing, expected the address of a NATS server such as nats://nats.nats:4222; set it, or set nats.enabled=true to install a server with the release" -}}
{{- end -}}
{{- if not $nats.existingSecret -}}
{{- fail (printf "nats.existingSecret: found nothing, expected the name of a Secret with the keys %s; make it and set it" (index $secret $nats.auth)) -}}
{{- end -}}
{{- if and (eq $nats.auth "password") (not (and $nats.password.operatorUser $nats.password.workerUser)) -}}
{{- fail "nats.password: found no operatorUser or no workerUser, expected both with nats.auth=password; set them" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Refuses namespaces that another release watches: two operators would undo each other's changes. A rendering without a cluster
sees no other release.
*/}}
{{- define "distillery.checkAlone" -}}
{{- $own := .Values.watchNamespaces -}}
{{- range (lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "").items -}}
{{- $watched := dig "annotations" "distillery.dev/watch-namespaces" "" .metadata -}}
{{- if and $watched (ne .metadata.name (include "distillery.clusterName" $)) -}}
{{- $others := ternary list (splitList "," $watched) (eq $watched "*") -}}
{{- $shared := list -}}
{{- range $own }}{{- if or (not $others) (has . $others) }}{{- $shared = append $shared . }}{{- end }}{{- end -}}
{{- if or $shared (not $own) -}}
{{- $release := printf "%s/%s" (dig "annotations" "meta.helm.sh/release-namespace" "?" .metadata) (dig "annotations" "meta.helm.sh/release-name" "?" .metadata) -}}
{{- fail (printf "watchNamespaces: found %s, expected no namespace of another release; %s watches %s (ClusterRole %s); %s" (ternary "every namespace" (join ", " $shared) (empty $own)) $release (ternary "every namespace" (join ", " $others) (empty $others)) .metadata.name (ternary "set watchNamespaces of that release first" "list other namespaces" (empty $others))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether `config` sets a field: its section and name. The variable of the same meaning would win, so it is left out. */}}
{{- define "distillery.configured" -}}
{{- $section := index (first .) (index . 1) | default dict -}}
{{- if hasKey $section (last .) -}}true{{- end -}}
{{- end -}}

{{/* team-a=3,team-b=2 */}}
{{- define "distillery.namespaceWeights" -}}
{{- $parts := list -}}
{{- range $namespace, $weight := .Values.namespaceWeights -}}
{{- $parts = append $parts (printf "%s=%s" $namespace (include "distillery.number" $weight)) -}}
{{- end -}}
{{- join "," $parts -}}
{{- end -}}

{{/* 10,team-a=100 of the limit `name` */}}
{{- define "distillery.limit" -}}
{{- $name := .name -}}
{{- $parts := list -}}
{{- if not (kindIs "invalid" (index .limits $name)) -}}
{{- $parts = append $parts (include "distillery.number" (index .limits $name)) -}}
{{- end -}}
{{- range $namespace, $limits := .limits.namespaces -}}
{{- range $key, $value := $limits -}}
{{- if and (eq $key $name) (not (kindIs "invalid" $value)) -}}
{{- $parts = append $parts (printf "%s=%s" $namespace (include "distillery.number" $value)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "," $parts -}}
{{- end -}}

{{/* Helm reads numbers of a file as floating point, and would print 1e+06. */}}
{{- define "distillery.number" -}}
{{- if and (kindIs "float64" .) (eq (. | int64 | float64) .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/* storage=100Gi,streams=500 */}}
{{- define "distillery.accountLimits" -}}
{{- $parts := list -}}
{{- range $what, $amount := . -}}
{{- /* A large number of a values file is a float, which would be written as 1e+06. */ -}}
{{- $parts = append $parts (printf "%s=%v" $what (ternary (int64 $amount) $amount (kindIs "float64" $amount))) -}}
{{- end -}}
{{- join "," $parts -}}
{{- end -}}

{{/* team-a:storage=1Ti;team-b:streams=50 */}}
{{- define "distillery.namespaceLimits" -}}
{{- $parts := list -}}
{{- range $namespace, $limits := .Values.nats.accounts.namespaces -}}
{{- $parts = append $parts (printf "%s:%s" $namespace (include "distillery.accountLimits" $limits)) -}}
{{- end -}}
{{- join ";" $parts -}}
{{- end -}}

{{/* nvidia.com/gpu=2,amd.com/gpu=10% */}}
{{- define "distillery.reserve" -}}
{{- $parts := list -}}
{{- range $resource, $amount := .Values.reserve -}}
{{- $parts = append $parts (printf "%s=%v" $resource $amount) -}}
{{- end -}}
{{- join "," $parts -}}
{{- end -}}
