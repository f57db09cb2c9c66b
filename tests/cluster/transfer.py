"""A consumer, a transformation and a producer in transactions: each number read is written once, whatever dies.

The transfer goes on after every error that a client is told of: it aborts and goes back, or, when it was fenced or has
failed for good, begins anew as any process would that is restarted. So it does when librdkafka (2.16) hangs: its
`send_offsets_to_transaction` may wait for ever when a coordinator's node is stopped, of either kind.
"""

from __future__ import annotations

import threading
import time
from typing import Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

POLL_S: Final = 0.1
OPERATION_S: Final = 15.0
STUCK_S: Final = 30.0
"""Two operations of a step that both take all their time."""
BATCH: Final = 40


class Transfer:
    """Copies `source` to `target` until `stop`; one thread, one transactional id."""

    def __init__(self, bootstrap: str, source: str, target: str, *, group_id: str = "transfer") -> None:
        self._bootstrap = bootstrap
        self._source = source
        self._target = target
        self._group_id = group_id
        self._stopping = threading.Event()
        self._generation = 0
        """Of clients: an older one, which has not come back, does no more if it does."""
        self._thread = self._new_thread()
        self._moved_s = time.monotonic()
        self.committed = 0
        self.restarts = 0
        self.troubles: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(STUCK_S)

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, args=(self._generation,), daemon=True)

    def wait_for(self, committed: int, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while self.committed < committed:
            assert self._thread.is_alive(), self.troubles[-3:]
            assert time.monotonic() < deadline, f"{self.committed} of {committed} transferred: {self.troubles[-3:]}"
            if time.monotonic() - self._moved_s > STUCK_S:
                self._begin_anew()
            time.sleep(POLL_S)

    def _begin_anew(self) -> None:
        """With other clients: the new producer fences the one that hangs."""
        self.restarts += 1
        self.troubles.append(f"no call has returned for {STUCK_S:g} s")
        self._generation += 1
        self._moved_s = time.monotonic()
        self._thread = self._new_thread()
        self._thread.start()

    def _goes_on(self, generation: int) -> bool:
        if generation != self._generation or self._stopping.is_set():
            return False
        self._moved_s = time.monotonic()
        return True

    def _run(self, generation: int) -> None:
        while self._goes_on(generation):
            consumer, producer = self._clients()
            try:
                producer.init_transactions(OPERATION_S)
                consumer.subscribe([self._source])
                while self._goes_on(generation):
                    self._step(consumer, producer)
            except KafkaException as error:
                if generation == self._generation:
                    self.restarts += 1
                    self.troubles.append(str(error))
            finally:
                consumer.close()

    def _clients(self) -> tuple[Consumer, Producer]:
        common: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self._bootstrap,
            "reconnect.backoff.max.ms": 500,
            "socket.timeout.ms": 10_000,
            "log_level": 0,
        }
        consumer = Consumer(
            common
            | {
                "group.id": self._group_id,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "session.timeout.ms": 6_000,
                "max.poll.interval.ms": 20_000,
            }
        )
        producer = Producer(
            common | {"transactional.id": f"{self._group_id}-1", "linger.ms": 2, "transaction.timeout.ms": 10_000}
        )
        return consumer, producer

    def _step(self, consumer: Consumer, producer: Producer) -> None:
        """One transaction, if there is anything to transfer."""
        messages = [one for one in consumer.consume(BATCH, POLL_S) if one.error() is None]
        if not messages:
            return
        producer.begin_transaction()
        try:
            for message in messages:
                producer.produce(self._target, message.value(), partition=message.partition() or 0)
            offsets = consumer.position(consumer.assignment())
            producer.send_offsets_to_transaction(
                [one for one in offsets if one.offset >= 0], consumer.consumer_group_metadata(), OPERATION_S
            )
            _repeated(producer.commit_transaction)
        except KafkaException as error:
            self._go_back(consumer, producer, error)
        else:
            self.committed += len(messages)

    def _go_back(self, consumer: Consumer, producer: Producer, error: KafkaException) -> None:
        reason = error.args[0]
        assert isinstance(reason, KafkaError)
        self.troubles.append(str(error))
        if not reason.txn_requires_abort():
            raise error
        _repeated(producer.abort_transaction)
        assignment = consumer.assignment()
        for partition in consumer.committed(assignment, OPERATION_S):
            offset = partition.offset if partition.offset >= 0 else 0
            consumer.seek(TopicPartition(partition.topic, partition.partition, offset))


def _repeated(operation: object) -> None:
    """A commit or an abort that ran out of time is asked for again: what became of it is not known."""
    assert callable(operation)
    while True:
        try:
            operation(OPERATION_S)
            return
        except KafkaException as error:
            reason = error.args[0]
            assert isinstance(reason, KafkaError)
            if not reason.retriable() or reason.txn_requires_abort():
                raise
