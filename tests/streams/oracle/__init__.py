"""Kafka Streams' own TopologyTestDriver, asked what a topology looks like and what it does."""
