"""Converters whose schemas stand in a schema registry: Avro, JSON Schema, Protobuf."""
