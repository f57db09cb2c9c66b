"""The test suites of others, run as they are against a node: librdkafka's, kafka-python's, kcat, Apache Kafka's tools.

`python -m tests.foreign` (`make conformance`) fetches and builds each suite outside of the repository, runs it against
Ottla, and holds what passed beside `results.tsv`: what the same suites said of Apache Kafka on the same machine.
"""
