"""The clients of an application: what they must do, and librdkafka's, which do it (`KafkaClientSupplier`).

Another supplier goes into `KafkaStreams(topology, config, client_supplier=…)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.streams.config import StreamsConfig
    from ottla.streams.record import Headers, RawRecord, TopicPartition
    from ottla.streams.tasks.topic_partition_metadata import OffsetAndMetadata


class Polled(NamedTuple):
    records: Mapping[TopicPartition, list[RawRecord]]
    ends: Mapping[TopicPartition, int]
    """Partitions that have been read to their end, and the position there."""

    out_of_range: Iterable[TopicPartition] = ()
    """Partitions that have no record at their position: it was deleted."""


class BatchConsumer(Protocol):
    """Reads the partitions that it is told to, from the positions that it is told. One thread uses it."""

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """More partitions, beside those that are read already."""

    def unassign(self, partitions: Iterable[TopicPartition]) -> None: ...

    def pause(self, partitions: Iterable[TopicPartition]) -> None: ...

    def resume(self, partitions: Iterable[TopicPartition]) -> None: ...

    def poll(self, limit: int, timeout_s: float) -> Polled: ...

    def known_end(self, partition: TopicPartition) -> int | None:
        """The end of an assigned partition, as the last fetch told it; the cluster is not asked."""

    def group_metadata(self) -> bytes: ...

    def close(self) -> None: ...


class Failed(Protocol):
    """Called by `poll`, `flush` and `commit` for a record that could not be written."""

    def __call__(self, error: Exception, topic: str, key: bytes | None, value: bytes | None, /) -> None: ...


class Send(Protocol):
    """Hands a record to the producer, waiting only while its queue is full."""

    def __call__(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp_ms: int,
        partition: int | None,
        /,
    ) -> None: ...


class BatchProducer(Protocol):
    """Writes records in the background. `TaskMigratedError`: another has taken over, nothing of this was written."""

    def sender(self, failed: Failed) -> Send:
        """What one task sends its records with."""

    def poll(self) -> None:
        """Let callbacks of failures run."""

    def partitions_for(self, topic: str) -> int: ...

    def flush(self) -> None:
        """Return when everything that was sent is written, or has failed."""

    def init_transactions(self) -> None: ...

    def begin(self) -> None: ...

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_metadata: bytes) -> None:
        """The transaction, with everything that was sent and these offsets."""

    def abort(self) -> None: ...

    def close(self) -> None: ...


class ClientSupplier(Protocol):
    def main_consumer(self, config: StreamsConfig, client_id: str) -> BatchConsumer: ...

    def restore_consumer(self, config: StreamsConfig, client_id: str) -> BatchConsumer: ...

    def global_consumer(self, config: StreamsConfig, client_id: str) -> BatchConsumer: ...

    def producer(self, config: StreamsConfig, client_id: str, transactional_id: str | None) -> BatchProducer: ...
