"""All transactional ids of one coordinator, what the transitions need besides, and how a step gets into the log."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ottla.coordinator.result import CoordinatorResult, CoordinatorTimers, TimerKey
from ottla.coordinator.transaction.config import TransactionCoordinatorConfig
from ottla.coordinator.transaction.metadata import TopicPartition, Transaction, TransactionMetadata
from ottla.coordinator.transaction.records import transaction_record
from ottla.coordinator.uncommitted import Uncommitted
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Clock

T = TypeVar("T")


@dataclass(slots=True, frozen=True)
class EndedTransaction:
    """What markers are to say, and where; the shell adds the coordinator's epoch."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    commit: bool
    partitions: frozenset[TopicPartition]
    transaction_version: int


class MarkerSender(Protocol):
    def send(self, ended: EndedTransaction) -> None:
        """Have the markers written; `TransactionShard.markers_written` is told of each, now or later."""
        ...


class ProducerIdSource(Protocol):
    def take(self) -> int | None:
        """A producer id that nobody has had; None: there is none at the moment, ask again soon."""
        ...


@dataclass(slots=True)
class Transactions:
    """`transaction_version`: the finalized level of that feature."""

    config: TransactionCoordinatorConfig
    clock: Clock
    timers: CoordinatorTimers
    producer_ids: ProducerIdSource
    markers: MarkerSender
    transaction_version: Callable[[], int]
    by_id: dict[str, TransactionMetadata] = field(default_factory=dict)
    # transactional id -> where it stood before steps that are not committed yet
    uncommitted: Uncommitted[str, Transaction | None] = field(default_factory=Uncommitted)

    def get(self, transactional_id: str) -> TransactionMetadata | None:
        return self.by_id.get(transactional_id)

    def note(self, transactional_id: str, offset: int) -> None:
        """The batch at `offset` is about to take a step, and is not committed yet."""
        metadata = self.by_id.get(transactional_id)
        self.uncommitted.note(transactional_id, offset, None if metadata is None else metadata.transaction)

    def committed(self, transactional_id: str) -> Transaction | None:
        """Where it stands as of the last committed record."""
        metadata = self.by_id.get(transactional_id)
        return self.uncommitted.committed(transactional_id, None if metadata is None else metadata.transaction)

    def all_committed(self) -> Iterator[tuple[str, Transaction]]:
        for transactional_id in dict.fromkeys([*self.by_id, *self.uncommitted.changed()]):
            transaction = self.committed(transactional_id)
            if transaction is not None:
                yield transactional_id, transaction

    def step(
        self,
        metadata: TransactionMetadata,
        target: Transaction,
        response: T,
        on_done: Callable[[ErrorCode], None] | None = None,
    ) -> CoordinatorResult[T]:
        """Begin a step: its record, the answer once it is committed, and `on_done`, which may begin the next step."""
        metadata.begin(target)

        def committed(error: ErrorCode) -> None:
            if metadata.pending is target:
                metadata.pending = None
            if on_done is not None:
                on_done(error)

        record = transaction_record(metadata.transactional_id, target, self.transaction_version())
        return CoordinatorResult([record], response, on_committed=committed)


def retry_timer(transactional_id: str) -> TimerKey:
    return ("complete-transaction", transactional_id)
