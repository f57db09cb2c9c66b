"""Ottla Streams: Kafka Streams as a light Python library, on any Kafka. See docs/adr/0007-streams.md for its rooms."""
