"""Ottla's files read by Apache Kafka's own programs."""
