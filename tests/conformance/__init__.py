"""Clients that nobody here wrote, against a node started as a user starts it.

`client.py` is what every client can do, `scenarios.py` what every client must see; one file a client. The same
suite runs against Apache Kafka: `OTTLA_TEST_PEER=apache-kafka pytest tests/conformance`.
"""
