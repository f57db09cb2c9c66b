#!/bin/sh
# Starts a node as the image apache/kafka does. Settings come from /mnt/shared/config/server.properties if it is there,
# and from KAFKA_… variables, which win; without either the node listens on 9092 and tells clients localhost:9092.
# CLUSTER_ID formats empty directories for that cluster (more arguments of that in OTTLA_FORMAT, such as
# "--no-initial-controllers"). Arguments go to `ottla start`, or are a command of `ottla` if the first one is.
set -eu
CONFIG="${OTTLA_CONFIG:-/mnt/shared/config/server.properties}"

case "${1:-}" in
  "" | -*) ;;
  *) exec ottla "$@" ;;
esac

if [ -f "$CONFIG" ]; then
  set -- --config "$CONFIG" --environment "$@"
elif env | grep -q '^KAFKA_\(LISTENERS\|PROCESS_ROLES\|NODE_ID\|ADVERTISED_LISTENERS\)='; then
  set -- --environment "$@"
else
  set -- --environment --set listeners=PLAINTEXT://:9092 --set advertised.listeners=PLAINTEXT://localhost:9092 "$@"
fi

if [ -n "${CLUSTER_ID:-}" ]; then
  roles="${KAFKA_PROCESS_ROLES:-broker,controller}"
  if [ -z "${OTTLA_FORMAT+given}" ]; then
    OTTLA_FORMAT=
    case "$roles" in
      *controller*) [ -n "${KAFKA_CONTROLLER_QUORUM_VOTERS:-}" ] || OTTLA_FORMAT=--standalone ;;
    esac
  fi
  # The words of OTTLA_FORMAT are arguments of their own.
  # shellcheck disable=SC2086
  if [ -f "$CONFIG" ]; then
    ottla storage format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$CONFIG" --environment $OTTLA_FORMAT
  else
    ottla storage format --ignore-formatted --cluster-id "$CLUSTER_ID" --environment $OTTLA_FORMAT
  fi
fi
exec ottla start "$@"
