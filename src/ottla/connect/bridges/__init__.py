"""Connectors of others, as Connect's: Singer taps and targets, Airbyte sources, Kafka Connect's plugins in Java."""
