"""What the scenarios ask of a client library: administration, producing, consuming, being a member of a group.

Every library gets one adapter (`test_confluent_kafka.py`, `test_aiokafka.py`, `test_kafka_python.py`) that adds nothing
of its own: it calls the library's public functions and gives back what they gave. What a library does not offer stands
in its `missing`, and the scenarios that need it are skipped by that name.
"""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import pytest
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

COMPRESSIONS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
CALL_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as sent or as received (then `partition`, `offset` and `timestamp_ms` are the broker's)."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int | None = None
    partition: int = 0
    offset: int = -1


@dataclass(frozen=True, slots=True)
class FromTime:
    """Start at the first record whose timestamp is `timestamp_ms` or later."""

    timestamp_ms: int


BEGINNING: Final = 0
Start = int | FromTime


class Producer(ABC):
    """Sends in the background and remembers the fate of every record by its value."""

    def __init__(self) -> None:
        self.acknowledged: dict[bytes, tuple[int, int]] = {}
        """value -> (partition, offset), filled only when the broker acknowledged it."""
        self.errors: list[str] = []
        """The names of the errors of records that were not."""

    @abstractmethod
    def send(self, topic: str, record: Record) -> None: ...

    @abstractmethod
    def flush(self, timeout_s: float = CALL_TIMEOUT_S) -> None:
        """Return when every record sent so far is acknowledged or has failed."""

    @abstractmethod
    def close(self) -> None: ...


class GroupConsumer(ABC):
    """A member of a group, used from one thread only."""

    @abstractmethod
    def poll(self) -> list[Record]:
        """What has come, after at most a tenth of a second; takes part in rebalances."""

    @abstractmethod
    def assignment(self) -> set[int]:
        """The partitions of the one topic that this member has now."""

    @abstractmethod
    def commit(self) -> None:
        """Commit, synchronously, the position after everything that `poll` gave."""

    @abstractmethod
    def close(self) -> None: ...


class Client(ABC):
    """A client library at work against one address."""

    missing: ClassVar[frozenset[str]] = frozenset()
    """Names of the methods below that the library offers nothing for."""

    def __init__(self, address: str) -> None:
        self.address = address

    def needs(self, *features: str) -> None:
        """Skip the test where the library lacks one of `features`."""
        for feature in features:
            if feature in self.missing:
                pytest.skip(f"{type(self).__name__} offers no {feature}")

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None: ...

    @abstractmethod
    def delete_topic(self, name: str) -> None: ...

    @abstractmethod
    def topics(self) -> dict[str, int]:
        """Name and number of partitions of every topic that is there."""

    @abstractmethod
    def add_partitions(self, name: str, total: int) -> None: ...

    @abstractmethod
    def topic_config(self, name: str, key: str) -> str | None: ...

    @abstractmethod
    def alter_topic_config(self, name: str, key: str, value: str) -> None: ...

    @abstractmethod
    def delete_records(self, topic: str, partition: int, before_offset: int) -> None: ...

    @abstractmethod
    def offsets(self, topic: str, partition: int = 0) -> tuple[int, int]:
        """The earliest and the latest (next) offset."""

    @abstractmethod
    def groups(self) -> set[str]: ...

    @abstractmethod
    def group_state(self, group: str) -> tuple[str, int]:
        """The state in lower case without separators (`preparingrebalance`, …), and the number of members."""

    @abstractmethod
    def committed(self, group: str, topic: str, partition: int = 0) -> int | None: ...

    @abstractmethod
    def delete_group(self, group: str) -> None: ...

    @abstractmethod
    def delete_group_offsets(self, group: str, topic: str, partition: int) -> None: ...

    @abstractmethod
    def producer(self, compression: str = "none", *, idempotent: bool = False) -> Producer:
        """A producer with `acks=all`, retries on, and room for records of 4 MB."""

    @abstractmethod
    def consume(self, topic: str, count: int, start: Start = BEGINNING, partition: int = 0) -> list[Record]:
        """The next `count` records of one partition, without a group; AssertionError when they do not come in time."""

    @abstractmethod
    def join(self, group: str, topic: str) -> GroupConsumer:
        """A member with a session timeout of 10 s, no automatic commit, and `auto.offset.reset=earliest`."""

    def produce(
        self, topic: str, records: Sequence[Record], compression: str = "none", *, idempotent: bool = False
    ) -> dict[bytes, tuple[int, int]]:
        """Send `records` and wait; their values with partition and offset. AssertionError when one was refused."""
        producer = self.producer(compression, idempotent=idempotent)
        try:
            for record in records:
                producer.send(topic, record)
            producer.flush()
        finally:
            producer.close()
        assert producer.errors == []
        return producer.acknowledged


class Member:
    """A group member in a thread of its own, as in an application, polling all the time."""

    def __init__(self, client: Client, group: str, topic: str) -> None:
        self.received: list[Record] = []
        self.polls = 0
        self.assignment: set[int] = set()
        self.failure: BaseException | None = None
        self._calls: queue.SimpleQueue[tuple[Callable[[GroupConsumer], None], threading.Event]] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(client, group, topic), daemon=True)
        self._thread.start()

    def values(self) -> set[bytes]:
        self._check()
        return {record.value for record in self.received if record.value is not None}

    def wait_for_partitions(self, *counts: int, timeout_s: float = 120.0) -> None:
        def assigned() -> bool:
            self._check()
            return len(self.assignment) in counts

        wait_for(assigned, f"an assignment of {counts} partitions", timeout_s)

    def wait_for_values(self, expected: set[bytes], timeout_s: float = 120.0) -> None:
        try:
            wait_for(lambda: expected <= self.values(), "every expected record", timeout_s)
        except AssertionError as error:
            missing = sorted(expected - self.values())
            seen = f"{len(self.received)} received, assigned {sorted(self.assignment)}, polls {self.polls}"
            raise AssertionError(f"{error}; {seen}, {len(missing)} missing: {missing[:5]}") from None

    def commit(self) -> None:
        """Commit what was received until now."""
        done = threading.Event()
        self._calls.put((lambda consumer: consumer.commit(), done))
        assert done.wait(CALL_TIMEOUT_S), f"no commit ({self.failure!r})"
        self._check()

    def close(self) -> None:
        """Leave the group."""
        self._stopped.set()
        self._thread.join(CALL_TIMEOUT_S)
        assert not self._thread.is_alive(), "the member does not close"
        self._check()

    def _check(self) -> None:
        if self.failure is not None:
            raise AssertionError("the member failed") from self.failure

    def _run(self, client: Client, group: str, topic: str) -> None:
        try:
            consumer = client.join(group, topic)
            try:
                while not self._stopped.is_set():
                    self.received.extend(consumer.poll())
                    self.polls += 1
                    self.assignment = consumer.assignment()
                    self._answer_calls(consumer)
            finally:
                consumer.close()
        except BaseException as failure:  # what a thread raises must reach its test
            self.failure = failure

    def _answer_calls(self, consumer: GroupConsumer) -> None:
        while not self._calls.empty():
            call, done = self._calls.get()
            call(consumer)
            done.set()
