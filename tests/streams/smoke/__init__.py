"""Kafka Streams' own smoke test, whose driver in Java judges an application in Python."""
