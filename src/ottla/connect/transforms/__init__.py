"""Kafka Connect's sixteen transformations and three predicates (`org.apache.kafka.connect.transforms`). Pure."""
