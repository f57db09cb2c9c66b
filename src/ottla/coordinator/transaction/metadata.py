"""What is known of one transactional id, and each step it can take. Source: TransactionMetadata, TxnTransitMetadata.

A `Transaction` is what one record of the log says; it never changes. A step makes the next one, and `begin` makes that
*pending*: until its record is committed, nobody else may take a step (`CONCURRENT_TRANSACTIONS`).

    producer epoch 0 … 32766; 32766 is exhausted: the next step gets a new producer id (and 32767 is only ever used to
    fence the owner of 32766)
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ottla.coordinator.transaction.state import (
    AT_REST,
    COMPLETE_ABORT,
    COMPLETE_COMMIT,
    DEAD,
    EMPTY,
    ONGOING,
    PREPARE_ABORT,
    PREPARE_COMMIT,
    VALID_PREVIOUS_STATES,
    TransactionState,
)

NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_TIMESTAMP = -1
MAX_EPOCH = 2**15 - 1
NO_TIMEOUT_MS = 2**31 - 1  # a two-phase commit (KIP-939): never aborted by time

TRANSACTION_V0 = 0
TRANSACTION_V2 = 2  # KIP-890: the producer's epoch grows with each transaction


class TopicPartition(NamedTuple):
    topic: str
    partition: int


@dataclass(slots=True, frozen=True)
class Transaction:
    """`last_producer_epoch` is not in the log: a load forgets it. Times are milliseconds since 1970."""

    producer_id: int
    producer_epoch: int
    timeout_ms: int
    state: TransactionState = EMPTY
    partitions: frozenset[TopicPartition] = frozenset()
    start_ms: int = NO_TIMESTAMP
    last_update_ms: int = NO_TIMESTAMP
    previous_producer_id: int = NO_PRODUCER_ID
    next_producer_id: int = NO_PRODUCER_ID
    last_producer_epoch: int = NO_PRODUCER_EPOCH
    client_version: int = TRANSACTION_V0

    @property
    def is_epoch_exhausted(self) -> bool:
        return is_epoch_exhausted(self.producer_epoch)

    @property
    def is_commit(self) -> bool:
        return self.state is PREPARE_COMMIT or self.state is COMPLETE_COMMIT


def is_epoch_exhausted(epoch: int) -> bool:
    return epoch >= MAX_EPOCH - 1


@dataclass(slots=True)
class TransactionMetadata:
    """A transactional id: where it stands, and the step that is on its way into the log.

    `unmarked` are the partitions of a prepared transaction whose markers are still to be written.
    """

    transactional_id: str
    transaction: Transaction
    pending: Transaction | None = None
    unmarked: set[TopicPartition] = field(default_factory=set)

    def begin(self, target: Transaction) -> None:
        current = self.transaction.state
        assert self.pending is None, f"{self.transactional_id}: {target.state.text} while a step is pending"
        assert current in VALID_PREVIOUS_STATES[target.state], (
            f"{self.transactional_id}: {current.text} to {target.state.text}"
        )
        self.pending = target


# ── the steps ──────────────────────────────────────────────────────────────────────────────────────────────────────


def with_new_epoch(
    transaction: Transaction, timeout_ms: int, expected_epoch: int | None, now_ms: int
) -> Transaction | None:
    """InitProducerId: the epoch after this one, or the same to a producer that asks again; None: it is fenced."""
    current = transaction.producer_epoch
    epoch, last = current + 1, NO_PRODUCER_EPOCH
    if expected_epoch is not None:
        if current in (NO_PRODUCER_EPOCH, expected_epoch):
            last = current
        elif expected_epoch == transaction.last_producer_epoch:
            epoch, last = current, expected_epoch
        else:
            return None
    return _initialized(transaction, transaction.producer_id, epoch, last, timeout_ms, now_ms)


def with_new_producer_id(
    transaction: Transaction, producer_id: int, timeout_ms: int, now_ms: int, *, keep_last_epoch: bool
) -> Transaction:
    """InitProducerId, when no epoch is left."""
    last = transaction.producer_epoch if keep_last_epoch else NO_PRODUCER_EPOCH
    return _initialized(transaction, producer_id, 0, last, timeout_ms, now_ms)


def _initialized(
    transaction: Transaction, producer_id: int, epoch: int, last_epoch: int, timeout_ms: int, now_ms: int
) -> Transaction:
    return replace(
        transaction,
        state=EMPTY,
        producer_id=producer_id,
        previous_producer_id=transaction.producer_id,
        producer_epoch=epoch,
        last_producer_epoch=last_epoch,
        timeout_ms=timeout_ms,
        partitions=frozenset(),
        start_ms=NO_TIMESTAMP,
        last_update_ms=now_ms,
    )


def with_partitions(
    transaction: Transaction, partitions: frozenset[TopicPartition], client_version: int, now_ms: int
) -> Transaction:
    """The first partitions begin the transaction."""
    return replace(
        transaction,
        state=ONGOING,
        previous_producer_id=transaction.producer_id,
        partitions=transaction.partitions | partitions,
        start_ms=now_ms if transaction.state in AT_REST else transaction.start_ms,
        last_update_ms=now_ms,
        client_version=client_version,
    )


def prepared(
    transaction: Transaction,
    *,
    commit: bool,
    client_version: int,
    now_ms: int,
    next_producer_id: int = NO_PRODUCER_ID,
    fencing: bool = False,
) -> Transaction:
    """The decision. In version 2 it takes a new epoch; in version 0 only a `fencing` one does.

    An abort of nothing (version 2) has no start of its own: it starts now.
    """
    epoch, last = transaction.producer_epoch, transaction.last_producer_epoch
    if client_version >= TRANSACTION_V2:
        last, epoch = epoch, min(epoch + 1, MAX_EPOCH)
    elif fencing:
        last, epoch = NO_PRODUCER_EPOCH, min(epoch + 1, MAX_EPOCH)
    return replace(
        transaction,
        state=PREPARE_COMMIT if commit else PREPARE_ABORT,
        producer_epoch=epoch,
        last_producer_epoch=last,
        previous_producer_id=transaction.producer_id,
        next_producer_id=next_producer_id,
        start_ms=now_ms if transaction.state in AT_REST else transaction.start_ms,
        last_update_ms=now_ms,
        client_version=client_version,
    )


def completed(transaction: Transaction, now_ms: int) -> Transaction:
    """All markers are written. An exhausted producer id gives way to the next one here."""
    rotates = transaction.client_version >= TRANSACTION_V2 and transaction.next_producer_id != NO_PRODUCER_ID
    return replace(
        transaction,
        state=COMPLETE_COMMIT if transaction.state is PREPARE_COMMIT else COMPLETE_ABORT,
        producer_id=transaction.next_producer_id if rotates else transaction.producer_id,
        producer_epoch=0 if rotates else transaction.producer_epoch,
        previous_producer_id=transaction.producer_id,
        next_producer_id=NO_PRODUCER_ID,
        partitions=frozenset(),
        last_update_ms=now_ms,
    )


def dead(transaction: Transaction) -> Transaction:
    return replace(transaction, state=DEAD, partitions=frozenset())
