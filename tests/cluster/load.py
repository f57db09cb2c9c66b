"""Producers that number their records, note every acknowledgement, and hold the logs against their notes afterwards.

    with CountedLoad(bootstrap, topic, partitions=3) as load:
        …                                                 # nodes die, stall, are cut off
    load.check(bootstrap)                                 # AssertionError: lost, doubled or reordered

A record is `PRODUCER:NUMBER`. What was acknowledged must be where the acknowledgement said, once, and in the order in
which its producer sent it. An acknowledgement may not say where: an idempotent producer that lost an answer with its
connection takes the success of what it sent next for the one of all before (librdkafka's implicit acknowledgements).
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence, Set

PAUSE_S: Final = 0.005
FLUSH_S: Final = 120.0
READ_S: Final = 60.0
QUEUED_MAX: Final = 20_000


@dataclass
class Acknowledgement:
    partition: int
    offset: int | None
    value: bytes
    at_s: float

    def is_in(self, log: Mapping[int, bytes], values: Set[bytes]) -> bool:
        """Whether a log has it where it was said to be, or anywhere if nothing was said."""
        return self.value in values if self.offset is None else log.get(self.offset) == self.value


@dataclass
class _Notes:
    acknowledged: list[Acknowledgement] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    sent: int = 0


class CountedLoad:
    """Each producer is a thread, and writes to every partition in turn until `stop`."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        partitions: int,
        *,
        producers: int = 2,
        settings: Mapping[str, str | int] | None = None,
    ) -> None:
        """`settings` of the producers come last."""
        self._settings = dict(settings or {})
        self._bootstrap = bootstrap
        self._topic = topic
        self._partitions = partitions
        self._notes = [_Notes() for _ in range(producers)]
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._produce, args=(number,)) for number in range(producers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No more are sent; returns when all that were sent are acknowledged."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self) -> int:
        return sum(len(notes.acknowledged) for notes in self._notes)

    def wait_for(self, more: int, timeout_s: float = FLUSH_S) -> None:
        """Return when so many more were acknowledged."""
        wanted, deadline = self.acknowledged + more, time.monotonic() + timeout_s
        while self.acknowledged < wanted:
            assert time.monotonic() < deadline, f"{self.acknowledged} of {wanted} acknowledged in {timeout_s:g} s"
            time.sleep(PAUSE_S)

    def longest_silence_s(self, since_s: float = 0.0) -> float:
        """The longest that a partition went without an acknowledgement, from then or the first on."""
        times: dict[int, list[float]] = defaultdict(list)
        for notes in self._notes:
            for one in notes.acknowledged:
                if one.at_s >= since_s:
                    times[one.partition].append(one.at_s)
        return max(_longest_gap(([since_s] if since_s else []) + sorted(found)) for found in times.values())

    def check(self, bootstrap: str | None = None) -> int:
        """How many records were held against the logs."""
        assert [failed for notes in self._notes for failed in notes.failed] == []
        logs = read_topic(bootstrap or self._bootstrap, self._topic, range(self._partitions))
        values = {partition: set(log.values()) for partition, log in logs.items()}
        lost = [
            one
            for notes in self._notes
            for one in notes.acknowledged
            if not one.is_in(logs[one.partition], values[one.partition])
        ]
        assert lost == [], f"{len(lost)} acknowledged records are not where they were said to be: {lost[:3]}"
        for partition, log in logs.items():
            last: dict[bytes, int] = {}
            for offset in sorted(log):
                producer, _, number = log[offset].partition(b":")
                assert int(number) > last.get(producer, -1), (
                    f"partition {partition}, offset {offset}: {log[offset]!r} after number {last[producer]}"
                )
                last[producer] = int(number)
        return self.acknowledged

    def _produce(self, number: int) -> None:
        notes = self._notes[number]
        producer = Producer(
            {
                "bootstrap.servers": self._bootstrap,
                "enable.idempotence": True,
                "linger.ms": 2,
                "message.timeout.ms": int(FLUSH_S * 1000),
                "socket.timeout.ms": 10_000,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
                **self._settings,
            }
        )

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                notes.failed.append(str(error))
                return
            partition, offset, value = message.partition(), message.offset(), message.value()
            assert partition is not None and isinstance(value, bytes)
            notes.acknowledged.append(Acknowledgement(partition, offset, value, time.monotonic()))

        while not self._stopping.is_set():
            if len(producer) < QUEUED_MAX:
                value = b"%d:%d" % (number, notes.sent)
                producer.produce(self._topic, value, partition=notes.sent % self._partitions, on_delivery=delivered)
                notes.sent += 1
            producer.poll(PAUSE_S)
        assert producer.flush(FLUSH_S) == 0, f"producer {number}: not all was acknowledged within {FLUSH_S:g} s"


def _longest_gap(times: list[float]) -> float:
    return max((after - before for before, after in pairwise(times)), default=0.0)


def read_topic(
    bootstrap: str, topic: str, partitions: Sequence[int], *, isolation: str = "read_uncommitted"
) -> dict[int, dict[int, bytes]]:
    """Partition -> offset -> value, of everything that is there now."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    logs: dict[int, dict[int, bytes]] = {partition: {} for partition in partitions}
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        for message in _until_ends(consumer, set(partitions)):
            partition, offset, value = message.partition(), message.offset(), message.value()
            assert partition is not None and offset is not None and isinstance(value, bytes)
            assert offset not in logs[partition], f"partition {partition} has offset {offset} twice"
            logs[partition][offset] = value
    finally:
        consumer.close()
    return logs


def _until_ends(consumer: Consumer, open_partitions: set[int]) -> Iterator[Message]:
    deadline = time.monotonic() + READ_S
    while open_partitions:
        assert time.monotonic() < deadline, f"partitions {sorted(open_partitions)} were not read in {READ_S:g} s"
        message = consumer.poll(0.2)
        if message is None:
            continue
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            open_partitions.discard(message.partition() or 0)
        elif not error.retriable():
            raise KafkaException(error)
