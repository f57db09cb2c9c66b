{{/*
A StatefulSet of nodes of one role: (dict "root" $ "role" "broker" "values" .Values.brokers "base" 100).
The entry point is the container's own; the id of a node is the ordinal of its pod, from "base" on.
*/}}
{{- define "ottla.nodes" -}}
{{- $root := .root -}}
{{- $name := include "ottla.name" $root -}}
{{- $full := printf "%s-%s" $name .role -}}
{{- $isBroker := eq .role "broker" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $full }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "ottla.labels" . | nindent 4 }}
spec:
  serviceName: {{ $full }}
  replicas: {{ .values.replicas }}
  podManagementPolicy: Parallel  # a quorum needs the others to be ready
  selector:
    matchLabels: {{- include "ottla.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "ottla.labels" . | nindent 8 }}
      {{- with $root.Values.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- with $root.Values.image.pullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      automountServiceAccountToken: false
      enableServiceLinks: false  # their variables would be read as settings
      terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
      securityContext: {{- include "ottla.podSecurity" $root | nindent 8 }}
      {{- include "ottla.placement" . | nindent 6 }}
      containers:
        - name: ottla
          image: {{ include "ottla.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          command: ["sh", "-c"]
          args:
            - KAFKA_NODE_ID=$(({{ .base }} + ${HOSTNAME##*-})) exec sh /opt/ottla/entrypoint.sh
          env:
            - {name: CLUSTER_ID, value: {{ include "ottla.clusterId" $root | quote }}}
            - {name: OTTLA_DATA, value: /var/lib/ottla}
            - {name: KAFKA_PROCESS_ROLES, value: {{ .role }}}
            - {name: KAFKA_CONTROLLER_QUORUM_VOTERS, value: {{ include "ottla.voters" $root | quote }}}
            - {name: KAFKA_CONTROLLER_LISTENER_NAMES, value: CONTROLLER}
            - {name: KAFKA_LISTENER_SECURITY_PROTOCOL_MAP, value: "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"}
            - {name: KAFKA_OTTLA_METRICS_LISTEN, value: "0.0.0.0:9404"}
            - {name: KAFKA_OTTLA_LOG_FORMAT, value: json}
            {{- if $isBroker }}
            - name: POD_NAME
              valueFrom: {fieldRef: {fieldPath: metadata.name}}
            - {name: KAFKA_LISTENERS, value: "PLAINTEXT://:9092"}
            - {name: KAFKA_ADVERTISED_LISTENERS, value: "PLAINTEXT://$(POD_NAME).{{ $full }}.{{ $root.Release.Namespace }}.svc:9092"}
            {{- $copies := min 3 (int .values.replicas) }}
            - {name: KAFKA_DEFAULT_REPLICATION_FACTOR, value: {{ $copies | quote }}}
            - {name: KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR, value: {{ $copies | quote }}}
            - {name: KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR, value: {{ $copies | quote }}}
            - {name: KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR, value: {{ $copies | quote }}}
            - {name: KAFKA_MIN_INSYNC_REPLICAS, value: {{ max 1 (sub $copies 1) | quote }}}
            - {name: KAFKA_TRANSACTION_STATE_LOG_MIN_ISR, value: {{ max 1 (sub $copies 1) | quote }}}
            - {name: KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR, value: {{ max 1 (sub $copies 1) | quote }}}
            {{- else }}
            - {name: KAFKA_LISTENERS, value: "CONTROLLER://:9093"}
            {{- end }}
            {{- range $key, $value := $root.Values.config }}
            - {name: {{ include "ottla.variable" $key }}, value: {{ $value | quote }}}
            {{- end }}
          ports:
            {{- if $isBroker }}
            - {name: kafka, containerPort: 9092}
            {{- else }}
            - {name: controller, containerPort: 9093}
            {{- end }}
            - {name: metrics, containerPort: 9404}
          startupProbe:
            httpGet: {path: /healthz, port: metrics}
            periodSeconds: 2
            failureThreshold: 150  # a log that was not closed is read again
          livenessProbe:
            httpGet: {path: /healthz, port: metrics}
            periodSeconds: 10
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: metrics}
            periodSeconds: 5
          resources: {{- toYaml .values.resources | nindent 12 }}
          securityContext: {{- include "ottla.containerSecurity" $root | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: /var/lib/ottla}
            - {name: scratch, mountPath: /tmp}
      volumes:
        - name: scratch
          emptyDir: {}
  volumeClaimTemplates:
    - metadata:
        name: data
        labels: {{- include "ottla.selector" . | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .values.storage.className }}
        storageClassName: {{ . | quote }}
        {{- end }}
        resources:
          requests:
            storage: {{ .values.storage.size }}
{{- end }}
