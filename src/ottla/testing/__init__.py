"""Real brokers for the tests of others: `Broker`, and the pytest fixtures in `ottla.testing.plugin`.

from ottla.testing import Broker

with Broker() as broker:
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap_servers})
"""

from ottla.testing.broker import Broker, BrokerError

__all__ = ["Broker", "BrokerError"]
