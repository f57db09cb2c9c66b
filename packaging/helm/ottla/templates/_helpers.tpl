{{/* Names, labels, and what the pods of all roles share. */}}
{{- define "ottla.name" -}}
{{- if contains "ottla" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-ottla" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* (dict "root" $ "role" "broker") */}}
{{- define "ottla.selector" -}}
app.kubernetes.io/name: ottla
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "ottla.labels" -}}
{{ include "ottla.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "ottla.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* 16 bytes of base64url, the same for every render; its last character has no bits beyond them. */}}
{{- define "ottla.clusterId" -}}
{{- .Values.clusterId | default (printf "%sA" (printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 21)) }}
{{- end }}

{{- define "ottla.voters" -}}
{{- $name := include "ottla.name" . -}}
{{- $voters := list -}}
{{- range $i := until (int .Values.controllers.replicas) -}}
{{- $voters = append $voters (printf "%d@%s-controller-%d.%s-controller.%s.svc:9093" $i $name $i $name $.Release.Namespace) -}}
{{- end -}}
{{- join "," $voters -}}
{{- end }}

{{- define "ottla.bootstrap" -}}
{{ include "ottla.name" . }}.{{ .Release.Namespace }}.svc:9092
{{- end }}

{{- define "ottla.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "ottla.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Where a pod of a role goes: (dict "root" $ "role" "broker") */}}
{{- define "ottla.placement" -}}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  podAntiAffinity:
    {{- if eq .root.Values.antiAffinity "hard" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{- include "ottla.selector" . | nindent 12 }}
    {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "ottla.selector" . | nindent 14 }}
    {{- end }}
{{- end }}

{{/* A key of server.properties as a variable: log.retention.ms is KAFKA_LOG_RETENTION_MS, with _ doubled and - tripled. */}}
{{- define "ottla.variable" -}}
KAFKA_{{ . | replace "_" "__" | replace "-" "___" | replace "." "_" | upper }}
{{- end }}
