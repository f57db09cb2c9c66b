"""What the log knows of its idempotent and transactional producers (`ProducerStateManager`, KIP-98, KIP-360).

Of each producer id: its epoch, the last CACHED_BATCHES batches (so that a batch that is sent again is answered with the
offsets it has already), when it wrote last, and where its open transaction began. `check` decides and changes nothing;
`append` records what stands in the log. Sequence numbers count records and wrap from 2**31 − 1 to 0.

A producer that is not known may begin with any sequence number: its state may have expired
(`producer.id.expiration.ms`), or its records may have been deleted. The log's start moving changes nothing here.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import BatchHeader, increment_sequence

CACHED_BATCHES = 5
NO_EPOCH = -1
_MAX_SEQUENCE = 2**31 - 1
_MAX_EPOCH = 2**15 - 1
_EPOCH_BUMP_VERSION = 2


class CachedBatch(NamedTuple):
    """One of a producer's last batches. `first_sequence` is what a duplicate has as its base sequence."""

    first_sequence: int
    last_sequence: int
    first_offset: int
    last_offset: int
    timestamp_ms: int


class ProducerEntry:
    """One producer's state. `next_sequence` is what its epoch must go on with; 0 while the epoch has no batches."""

    __slots__ = (
        "batches",
        "coordinator_epoch",
        "epoch",
        "is_recalled",
        "last_timestamp_ms",
        "marker_count",
        "next_sequence",
        "producer_id",
        "transaction_first_offset",
    )

    def __init__(self, producer_id: int, epoch: int) -> None:
        self.producer_id = producer_id
        self.epoch = epoch
        self.batches: list[CachedBatch] = []
        self.next_sequence = 0
        self.last_timestamp_ms = -1
        self.coordinator_epoch = -1
        self.is_recalled = False
        """Its earlier batches were looked for in the log (`recalled_batches`)."""
        self.marker_count = 0
        self.transaction_first_offset: int | None = None

    @property
    def last_sequence(self) -> int:
        return self.batches[-1].last_sequence if self.batches else -1

    @property
    def last_offset(self) -> int:
        """Of its last batch; -1 if that is not known."""
        return self.batches[-1].last_offset if self.batches else -1

    def begin_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch = epoch
            self.batches.clear()
            self.next_sequence = 0

    def add(self, base_sequence: int, delta: int, first_offset: int, last_offset: int, timestamp_ms: int) -> None:
        last = base_sequence + delta
        if last > _MAX_SEQUENCE or base_sequence < 0:
            last = increment_sequence(base_sequence, delta) if base_sequence >= 0 else base_sequence
        batches = self.batches
        if len(batches) == CACHED_BATCHES:
            del batches[0]
        batches.append(CachedBatch(base_sequence, last, first_offset, last_offset, timestamp_ms))
        self.next_sequence = 0 if last == _MAX_SEQUENCE else last + 1
        self.last_timestamp_ms = timestamp_ms

    def duplicate_of(self, epoch: int, base_sequence: int, delta: int) -> CachedBatch | None:
        if epoch == self.epoch:
            last = increment_sequence(base_sequence, delta)
            for batch in self.batches:
                if batch.first_sequence == base_sequence and batch.last_sequence == last:
                    return batch
        return None


class SequenceError(NamedTuple):
    """Why a batch cannot be taken; `duplicate` with NONE: it stands in the log already."""

    error: ErrorCode
    message: str
    duplicate: CachedBatch | None = None


class CompletedTransaction(NamedTuple):
    producer_id: int
    first_offset: int
    last_offset: int
    aborted: bool


class ProducerStates:
    """Every producer of one log. `entries` by producer id."""

    __slots__ = ("_undecided", "_unreplicated", "entries")

    def __init__(self) -> None:
        self.entries: dict[int, ProducerEntry] = {}
        self._undecided: dict[int, int] = {}  # first offset of each open transaction -> producer id, ascending
        self._unreplicated: dict[int, int] = {}  # first offset of each ended one -> its marker's offset

    # ── deciding ───────────────────────────────────────────────────────────────────────────────────────────────────

    def check(
        self, producer_id: int, epoch: int, base_sequence: int, delta: int, transactional: bool = False
    ) -> SequenceError | None:
        """Whether a client's batch may be appended (None: yes)."""
        entry = self.entries.get(producer_id)
        if entry is None or (
            entry.epoch == epoch
            and entry.next_sequence == base_sequence
            and (transactional or entry.transaction_first_offset is None)
        ):
            return None
        duplicate = entry.duplicate_of(epoch, base_sequence, delta)
        if duplicate is not None:
            return SequenceError(ErrorCode.NONE, "", duplicate)
        if epoch < entry.epoch:
            return SequenceError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"producer {producer_id} has epoch {entry.epoch}, the batch is of epoch {epoch}",
            )
        if epoch == entry.epoch and base_sequence != entry.next_sequence:
            return SequenceError(
                ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                f"producer {producer_id} sent sequence {base_sequence}, {entry.next_sequence} is next",
            )
        if epoch != entry.epoch and base_sequence != 0:
            return SequenceError(
                ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                f"producer {producer_id} begins epoch {epoch} with sequence {base_sequence}, not 0",
            )
        if entry.transaction_first_offset is not None and not transactional:
            return SequenceError(
                ErrorCode.INVALID_TXN_STATE, f"producer {producer_id} has a transaction open, the batch is not of it"
            )
        return None

    def check_marker(
        self, producer_id: int, epoch: int, coordinator_epoch: int, transaction_version: int = 0
    ) -> SequenceError | None:
        """Whether a transaction coordinator's marker may be appended (None: yes).

        In version 2 each marker has a new epoch (KIP-890, KIP-1228): one with a known epoch may only be the same marker
        again, and does nothing, or that of a producer that has no epochs left.
        """
        entry = self.entries.get(producer_id)
        if entry is None:
            return None
        if epoch < entry.epoch or (
            transaction_version >= _EPOCH_BUMP_VERSION
            and epoch == entry.epoch
            and entry.transaction_first_offset is not None
            and epoch != _MAX_EPOCH
        ):
            return SequenceError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"producer {producer_id} has epoch {entry.epoch}, the marker is of epoch {epoch}",
            )
        if coordinator_epoch < entry.coordinator_epoch:
            return SequenceError(
                ErrorCode.TRANSACTION_COORDINATOR_FENCED,
                f"coordinator epoch {entry.coordinator_epoch} is known, the marker is of {coordinator_epoch}",
            )
        return None

    def has_open_transaction(self, producer_id: int, epoch: int) -> bool:
        """Whether a transaction of the producer has begun here, under this epoch."""
        entry = self.entries.get(producer_id)
        return entry is not None and entry.transaction_first_offset is not None and entry.epoch == epoch

    def marker_count(self, producer_id: int) -> int:
        """How many markers of the producer were taken up since the start: whether one came meanwhile."""
        entry = self.entries.get(producer_id)
        return 0 if entry is None else entry.marker_count

    # ── recording what stands in the log ───────────────────────────────────────────────────────────────────────────

    def append(
        self,
        producer_id: int,
        epoch: int,
        base_sequence: int,
        delta: int,
        first_offset: int,
        last_offset: int,
        timestamp_ms: int,
        transactional: bool = False,
    ) -> None:
        entry = self.entries.get(producer_id)
        if entry is None:
            entry = self.entries[producer_id] = ProducerEntry(producer_id, epoch)
        elif entry.epoch != epoch:
            entry.begin_epoch(epoch)
        entry.add(base_sequence, delta, first_offset, last_offset, timestamp_ms)
        if transactional and entry.transaction_first_offset is None:
            entry.transaction_first_offset = first_offset
            self._undecided[first_offset] = producer_id

    def append_batch(self, header: BatchHeader) -> None:
        """A data batch with a producer id that stands in the log under these offsets."""
        self.append(
            header.producer_id,
            header.producer_epoch,
            header.base_sequence,
            header.last_offset_delta,
            header.base_offset,
            header.last_offset,
            header.max_timestamp,
            header.is_transactional,
        )

    def end_transaction(
        self, header: BatchHeader, *, aborted: bool, coordinator_epoch: int
    ) -> tuple[CompletedTransaction, int] | None:
        """A marker that stands in the log: the transaction that it ended, if any, and the last stable offset."""
        entry = self.entries.get(header.producer_id)
        if entry is None:
            entry = self.entries[header.producer_id] = ProducerEntry(header.producer_id, header.producer_epoch)
        entry.begin_epoch(header.producer_epoch)
        entry.coordinator_epoch = coordinator_epoch
        entry.marker_count += 1
        entry.last_timestamp_ms = header.max_timestamp
        first = entry.transaction_first_offset
        if first is None:
            return None
        entry.transaction_first_offset = None
        self._undecided.pop(first, None)
        self._unreplicated[first] = header.base_offset
        ended = CompletedTransaction(header.producer_id, first, header.base_offset, aborted)
        return ended, next(iter(self._undecided), header.base_offset + 1)

    # ── the last stable offset ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def first_unstable_offset(self) -> int | None:
        """Where the first transaction begins that is open, or whose marker the high watermark has not passed."""
        if not self._undecided and not self._unreplicated:
            return None
        return min(min(offsets) for offsets in (self._undecided, self._unreplicated) if offsets)

    def high_watermark_moved(self, high_watermark: int) -> None:
        if not self._unreplicated:  # at every append
            return
        done = [first for first, last in self._unreplicated.items() if last < high_watermark]
        for first in done:
            del self._unreplicated[first]

    # ── forgetting, and starting again ─────────────────────────────────────────────────────────────────────────────

    def remove_expired(self, now_ms: int, expiration_ms: int) -> None:
        expired = [
            entry.producer_id
            for entry in self.entries.values()
            if entry.transaction_first_offset is None and now_ms - entry.last_timestamp_ms >= expiration_ms
        ]
        for producer_id in expired:
            del self.entries[producer_id]

    def clear(self) -> None:
        self.entries.clear()
        self._undecided.clear()
        self._unreplicated.clear()

    def load(self, entries: Iterable[ProducerEntry], now_ms: int, expiration_ms: int) -> None:
        """In place of all that was known; what has expired by now is left out."""
        self.clear()
        self.entries = {entry.producer_id: entry for entry in entries}
        self.remove_expired(now_ms, expiration_ms)
        open_transactions = sorted(
            (entry.transaction_first_offset, entry.producer_id)
            for entry in self.entries.values()
            if entry.transaction_first_offset is not None
        )
        self._undecided = dict(open_transactions)
