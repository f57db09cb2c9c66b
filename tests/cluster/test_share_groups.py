"""A share group while nodes die: its coordinator, the leaders of its partitions, and the keepers of their state.

Every record is accepted in the end, and what the cluster has taken as accepted does not come again.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final, Self

import pytest
from confluent_kafka import AcknowledgeType, KafkaException, Producer, ShareConsumer, TopicPartition
from tests.cluster.test_faults import PARTITIONS, create, wait_until_whole
from tests.conformance.test_confluent_share import begin_at_the_start, member

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster

TOPIC, GROUP = "shared", "sharers"
ROUND: Final = 60
"""Records before and after each fault."""
WAIT_S: Final = 60.0
POLL_S: Final = 0.5


class Worker:
    """One member, which accepts whatever it gets; a thread."""

    def __init__(self, bootstrap: str, group: str = GROUP) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.accepted: set[int] = set()
        self.again: list[int] = []
        """Came although they were accepted."""
        self.troubles: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def wait_for(self, numbers: range) -> None:
        deadline = time.monotonic() + WAIT_S
        while not self.accepted.issuperset(numbers):
            missing = sorted(set(numbers) - self.accepted)
            assert self._thread.is_alive(), self.troubles[-3:]
            assert time.monotonic() < deadline, f"not accepted: {missing[:10]} of {len(missing)}; {self.troubles[-3:]}"
            time.sleep(POLL_S / 10)

    def _run(self) -> None:
        consumer = member(self._bootstrap, self._group, TOPIC)
        while not self._stopping.is_set():
            try:
                self._step(consumer)
            except KafkaException as error:
                self.troubles.append(str(error))
        consumer.close()

    def _step(self, consumer: ShareConsumer) -> None:
        taken: dict[TopicPartition, list[int]] = defaultdict(list)
        for message in consumer.poll(POLL_S):
            if message.error() is not None:
                self.troubles.append(str(message.error()))
                continue
            value, where = message.value(), TopicPartition(message.topic() or "", message.partition() or 0)
            number = int(value or b"")
            if number in self.accepted:
                self.again.append(number)
            consumer.acknowledge(message, AcknowledgeType.ACCEPT)
            taken[where].append(number)
        answers = consumer.commit_sync(WAIT_S) or {}
        refused = {one for one, error in answers.items() if error is not None}
        self.troubles += [str(error) for error in answers.values() if error is not None]
        for partition, numbers in taken.items():
            if partition not in refused:
                self.accepted.update(numbers)


def send(bootstrap: str, numbers: range) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "log_level": 0})
    for number in numbers:
        producer.produce(TOPIC, str(number).encode(), partition=number % PARTITIONS)
    assert producer.flush(WAIT_S) == 0


@pytest.mark.timeout(300)
def test_a_share_group_while_nodes_are_killed(cluster: Cluster) -> None:
    create(cluster, TOPIC)
    begin_at_the_start(cluster.bootstrap, GROUP)
    sent = 0

    def more() -> range:
        nonlocal sent
        sent += ROUND
        send(cluster.bootstrap, range(sent - ROUND, sent))
        return range(sent)

    with Worker(cluster.bootstrap) as worker:
        worker.wait_for(more())
        for node in cluster.nodes.values():
            node.kill()
            worker.wait_for(more())
            node.start()
            wait_until_whole(cluster, TOPIC)
            worker.wait_for(more())
    assert worker.again == []
