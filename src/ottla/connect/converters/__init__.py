"""Kafka Connect's converters: JSON, text, bytes, numbers, booleans; and those over a schema registry."""
