"""The topics of a test: those that it writes to, and those that it reads from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from ottla.streams.testing.record import TestRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Deserializer, Serializer
    from ottla.streams.testing.topology_test_driver import TopologyTestDriver

K = TypeVar("K")
V = TypeVar("V")


class TestInputTopic(Generic[K, V]):
    """Records that have no timestamp get the topic's, which advances with each by `auto_advance_ms`."""

    __test__ = False

    def __init__(
        self,
        driver: TopologyTestDriver,
        topic: str,
        key_serializer: Serializer[K],
        value_serializer: Serializer[V],
        start_timestamp_ms: int,
        auto_advance_ms: int,
    ) -> None:
        if auto_advance_ms < 0:
            raise ValueError("time cannot advance backwards")
        self.topic = topic
        self._driver = driver
        self._key_serializer = key_serializer
        self._value_serializer = value_serializer
        self._now_ms = start_timestamp_ms
        self._auto_advance_ms = auto_advance_ms

    def advance_time(self, advance_ms: int) -> None:
        if advance_ms < 0:
            raise ValueError("time cannot advance backwards")
        self._now_ms += advance_ms

    def pipe_input(
        self, key: K | None, value: V | None, timestamp_ms: int | None = None, headers: Headers = ()
    ) -> None:
        """Everything that the record causes has happened when this returns."""
        if timestamp_ms is None:
            timestamp_ms = self._now_ms
            self._now_ms += self._auto_advance_ms
        key_bytes = self._key_serializer(self.topic, key, headers)
        value_bytes = self._value_serializer(self.topic, value, headers)
        self._driver.pipe_raw(self.topic, key_bytes, value_bytes, timestamp_ms, headers)

    def pipe_record(self, record: TestRecord[K, V]) -> None:
        self.pipe_input(*record)

    def pipe_record_list(self, records: Iterable[TestRecord[K, V]]) -> None:
        for record in records:
            self.pipe_record(record)

    def pipe_value(self, value: V | None, timestamp_ms: int | None = None) -> None:
        """Without a key."""
        self.pipe_input(None, value, timestamp_ms)

    def pipe_key_value_list(
        self, pairs: Iterable[tuple[K | None, V | None]], start_timestamp_ms: int | None = None, advance_ms: int = 0
    ) -> None:
        """With a start, at that time and then every `advance_ms`; otherwise at the topic's own."""
        for at, (key, value) in enumerate(pairs):
            self.pipe_input(key, value, None if start_timestamp_ms is None else start_timestamp_ms + at * advance_ms)

    def pipe_value_list(
        self, values: Iterable[V | None], start_timestamp_ms: int | None = None, advance_ms: int = 0
    ) -> None:
        self.pipe_key_value_list(((None, value) for value in values), start_timestamp_ms, advance_ms)


class TestOutputTopic(Generic[K, V]):
    """What was written to a topic and not yet read by the test, in the order of the writes."""

    __test__ = False

    def __init__(
        self,
        driver: TopologyTestDriver,
        topic: str,
        key_deserializer: Deserializer[K],
        value_deserializer: Deserializer[V],
    ) -> None:
        self.topic = topic
        self._driver = driver
        self._key_deserializer = key_deserializer
        self._value_deserializer = value_deserializer

    @property
    def queue_size(self) -> int:
        return len(self._driver.written_to(self.topic))

    @property
    def is_empty(self) -> bool:
        return self.queue_size == 0

    def read_record(self) -> TestRecord[K, V]:
        """LookupError when there is none."""
        written = self._driver.written_to(self.topic)
        if not written:
            raise LookupError(f"nothing more was written to {self.topic}")
        record = written.popleft()
        return TestRecord(
            self._key_deserializer(self.topic, record.key, record.headers),
            self._value_deserializer(self.topic, record.value, record.headers),
            record.timestamp_ms,
            record.headers,
        )

    def read_value(self) -> V | None:
        return self.read_record().value

    def read_key_value(self) -> tuple[K | None, V | None]:
        record = self.read_record()
        return record.key, record.value

    def read_records_to_list(self) -> list[TestRecord[K, V]]:
        return [self.read_record() for _ in range(self.queue_size)]

    def read_key_values_to_list(self) -> list[tuple[K | None, V | None]]:
        return [(record.key, record.value) for record in self.read_records_to_list()]

    def read_values_to_list(self) -> list[V | None]:
        return [record.value for record in self.read_records_to_list()]

    def read_key_values_to_map(self) -> dict[K | None, V | None]:
        """The last value of each key."""
        return dict(self.read_key_values_to_list())
