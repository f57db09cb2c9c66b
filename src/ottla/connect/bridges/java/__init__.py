"""Kafka Connect's plugins in Java, each in a JVM of its own."""
