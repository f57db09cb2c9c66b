"""Tasks: what moves the data (`SourceTask`, `SinkTask` of `org.apache.kafka.connect`, KIP-26, 91, 610).

Each task is alone in a process of its own, so its methods may block and keep what they like in globals; they are called
from one thread, one at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from ottla.connect.api.record import SinkRecord, SourceRecord


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class RecordMetadata(NamedTuple):
    """Where a record came to stand; offset -1 where nobody knows."""

    topic: str
    partition: int
    offset: int
    timestamp: int | None


class OffsetStorageReader(Protocol):
    def offset(self, partition: Mapping[str, Any]) -> dict[str, Any] | None:
        """What was stored last for a source partition; `None`: nothing was."""
        ...

    def offsets(self, partitions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]: ...


class TransactionContext(Protocol):
    """How a source says where its transactions end (KIP-618); from its own thread."""

    def commit_transaction(self, record: SourceRecord | None = None) -> None:
        """Behind this record, which the next `poll` gives; without one, behind all that it gives."""
        ...

    def abort_transaction(self, record: SourceRecord | None = None) -> None:
        """As `commit_transaction`, but what it holds is dropped, and counts as written: it does not come again."""
        ...


class SourceTaskContext(Protocol):
    offset_storage_reader: OffsetStorageReader
    transaction_context: TransactionContext | None
    """With `transaction.boundary=connector` on a worker that supports exactly-once sources."""

    def configs(self) -> dict[str, str]:
        """The task's configuration as it is now."""
        ...


class ErrantRecordReporter(Protocol):
    def report(self, record: SinkRecord, error: BaseException) -> Future[None]:
        """A record that the sink cannot take: it goes where `errors.*` says (KIP-610).

        The future is done when it stands there. Raises `ConnectError` where no error is tolerated.
        """
        ...


class SinkTaskContext(Protocol):
    errant_record_reporter: ErrantRecordReporter | None

    def configs(self) -> dict[str, str]: ...

    def offset(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Go on there, instead of behind what was read last."""
        ...

    def timeout(self, timeout_ms: int) -> None:
        """After which a `put` that raised `RetriableError` is tried again."""
        ...

    def assignment(self) -> set[TopicPartition]: ...

    def pause(self, *partitions: TopicPartition) -> None: ...

    def resume(self, *partitions: TopicPartition) -> None: ...

    def request_commit(self) -> None:
        """Commit offsets soon, not only when it is time."""
        ...


class Task(ABC):
    version: ClassVar[str | None] = None

    @abstractmethod
    def start(self, props: Mapping[str, str]) -> None:
        """With the task's configuration; what it raises is in the task's status."""

    def stop(self) -> None:
        """Let go of what `start` took; also after a failure."""
        return


class SourceTask(Task):
    context: SourceTaskContext

    def initialize(self, context: SourceTaskContext) -> None:
        self.context = context

    @abstractmethod
    def poll(self) -> list[SourceRecord] | None:
        """The next records, waiting a little (a second at most) while there are none; `None`: none yet.

        `RetriableError`: it is tried again; whatever else it raises fails the task.
        """

    def commit(self) -> None:
        """All offsets up to now are stored."""
        return

    def commit_record(self, _record: SourceRecord, _metadata: RecordMetadata | None) -> None:
        """A record was written, or (`None`) left out on purpose."""
        return

    def metrics(self) -> Mapping[str, float]:
        """What it tells of itself beside what every task does, by names of `runtime/metrics.py`; any thread asks."""
        return {}


class SinkTask(Task):
    context: SinkTaskContext

    def initialize(self, context: SinkTaskContext) -> None:
        self.context = context

    @abstractmethod
    def put(self, records: Sequence[SinkRecord]) -> None:
        """Take these records, in order within a partition; empty now and then.

        `RetriableError`: the same come again; whatever else it raises fails the task.
        """

    def flush(self, _offsets: Mapping[TopicPartition, int]) -> None:
        """All that was put is to be stored before this returns: its offsets are committed then."""
        return

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """The offsets that may be committed now, of those (the next to be read) up to which records were put."""
        self.flush(offsets)
        return offsets

    def open(self, _partitions: Sequence[TopicPartition]) -> None:
        """These partitions are this task's now."""
        return

    def close(self, _partitions: Sequence[TopicPartition]) -> None:
        """These partitions are no longer this task's."""
        return
