"""Ottla Connect: Kafka Connect's data model, converters, transformations, connectors, and the workers that run them."""
