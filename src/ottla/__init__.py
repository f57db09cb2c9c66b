"""Ottla: Apache Kafka's little sister, in Python."""

__version__ = "0.1.0"
