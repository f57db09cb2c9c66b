"""The records of a partition that a share group has in flight: a pure state machine over ranges of offsets. KIP-932.

                  acquire                      accept
    AVAILABLE ───────────────► ACQUIRED ───────────────► ACKNOWLEDGED
        ▲                       │  ▲ │ │   reject, gap
        └───────────────────────┘  └─┘ └───────────────► ARCHIVED
         release, lock expired,   renew    (also: release or expiry after the last delivery allowed)
         member gone

         start offset                                             end offset
    ─────│ acknowledged 3–7 │ acquired 8–9 │ (hole) │ archived 12 │───────────────►
     all done                                                       never acquired

Kept are ranges that do not overlap, in order. An offset between start and end that is in no range (a hole) is one that
was never delivered, as far as is known. What is done at the start moves the start. An acknowledgement that is being
persisted is `pending`: its records stay acquired, untouchable, until it is told to have succeeded or not.

Source: SharePartition, InFlightBatch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ottla.coordinator.share.state_batch import DeliveryState, StateBatch
from ottla.protocol.errors import ErrorCode

AVAILABLE = DeliveryState.AVAILABLE
ACQUIRED = DeliveryState.ACQUIRED
ACKNOWLEDGED = DeliveryState.ACKNOWLEDGED
ARCHIVED = DeliveryState.ARCHIVED
DONE = frozenset((ACKNOWLEDGED, ARCHIVED))

# Acknowledge types on the wire.
GAP, ACCEPT, RELEASE, REJECT, RENEW = range(5)

NOT_ACQUIRED = "The batch cannot be acknowledged. The batch is not in the acquired state."
NOT_THE_OWNER = "Member is not the owner of batch record"
NOT_ACQUIRED_OFFSET = "The offset cannot be acknowledged. The offset is not acquired."
BEGINS_PAST_THE_END = "Batch record not found. The first offset in request is past acquired records."
PAST_THE_END = "Batch record not found. The last offset in request is past acquired records."
NOT_FOUND = "Batch record not found. The request batch offsets are not found in the cache."


@dataclass(slots=True)
class _Range:
    first: int
    last: int
    state: DeliveryState
    count: int  # how often delivered
    member_id: str = ""
    deadline_ms: float = 0.0
    pending: DeliveryState | None = None  # what it becomes when what is being persisted is

    @property
    def is_free(self) -> bool:
        return self.state is AVAILABLE

    def part(self, first: int, last: int) -> "_Range":
        return _Range(first, last, self.state, self.count, self.member_id, self.deadline_ms, self.pending)

    def is_like(self, other: "_Range") -> bool:
        if self.state is not other.state or self.pending is not other.pending:
            return False
        if self.state in DONE:
            return True
        return self.count == other.count and self.member_id == other.member_id and self.deadline_ms == other.deadline_ms


@dataclass(slots=True, frozen=True)
class Acquired:
    first_offset: int
    last_offset: int
    delivery_count: int


@dataclass(slots=True, frozen=True)
class Acknowledgement:
    """One type for all offsets, or one for each."""

    first_offset: int
    last_offset: int
    types: Sequence[int]


@dataclass(slots=True, frozen=True)
class Refused:
    error: ErrorCode
    message: str | None = None


@dataclass(slots=True)
class Transition:
    """What must be persisted; `InFlightRecords.settle` is told the outcome. Without batches there is nothing to do."""

    state_batches: list[StateBatch] = field(default_factory=list)
    start_offset: int = -1
    delivery_complete_count: int = 0


class InFlightRecords:
    """`max_locks`: how many records may be between start and end and not done; `count_limit`: deliveries of a record.

    Both may change at any time.
    """

    def __init__(
        self, start_offset: int, batches: Iterable[StateBatch] = (), *, max_locks: int = 2_000, count_limit: int = 5
    ) -> None:
        self.max_locks = max_locks
        self.count_limit = count_limit
        self.start_offset = start_offset
        self.end_offset = start_offset
        self._ranges: list[_Range] = []
        for batch in sorted(batches, key=lambda each: each.first_offset):
            if batch.last_offset >= self.end_offset:
                first = max(batch.first_offset, self.end_offset)
                state = _persisted_state(batch.delivery_state)
                self._ranges.append(_Range(first, batch.last_offset, state, batch.delivery_count))
                self.end_offset = batch.last_offset + 1
        self._advance_start()

    # -- looking

    def next_fetch_offset(self) -> int:
        """The first offset that may be acquired; at or beyond the end there may be nothing yet."""
        position = self.start_offset
        for each in self._ranges:
            if each.first > position:
                return position
            if each.is_free:
                return each.first
            position = each.last + 1
        return position

    def free_count(self, first: int, last: int) -> int:
        """How many offsets from `first` to `last` may be acquired, were there no limit."""
        first = max(first, self.start_offset)
        taken = sum(
            min(each.last, last) - max(each.first, first) + 1
            for each in self._ranges
            if each.last >= first and each.first <= last and not each.is_free
        )
        return max(0, last - first + 1 - taken)

    def room(self) -> int:
        """How many records that were never acquired may be acquired now."""
        return max(0, self.max_locks - (self.end_offset - self.start_offset - self.delivery_complete_count))

    def can_acquire(self) -> bool:
        return self.next_fetch_offset() < self.end_offset or self.room() > 0

    @property
    def delivery_complete_count(self) -> int:
        """Records between start and end that are done."""
        return sum(each.last - each.first + 1 for each in self._ranges if each.state in DONE)

    def next_deadline_ms(self) -> float | None:
        """When the first acquisition lock expires."""
        return min((each.deadline_ms for each in self._locked()), default=None)

    def state_batches(self) -> list[StateBatch]:
        """Everything, as it would be persisted: what is acquired counts as available."""
        return [
            StateBatch(each.first, each.last, AVAILABLE if each.state is ACQUIRED else each.state, each.count)
            for each in self._ranges
        ]

    def acquired_by(self) -> dict[str, list[tuple[int, int]]]:
        """Member id -> ranges of offsets."""
        result: dict[str, list[tuple[int, int]]] = {}
        for each in self._ranges:
            if each.state is ACQUIRED:
                result.setdefault(each.member_id, []).append((each.first, each.last))
        return result

    def _locked(self) -> Iterator[_Range]:
        return (each for each in self._ranges if each.state is ACQUIRED and each.pending is None)

    # -- acquiring

    def acquire(self, member_id: str, first: int, last: int, max_records: int, deadline_ms: float) -> list[Acquired]:
        """Give the member what is free from `first` to `last`, at most `max_records`; in order."""
        acquired: list[Acquired] = []
        budget = max_records
        for free in list(self._free(max(first, self.start_offset), last)):
            if budget <= 0:
                break
            size = min(free.last - free.first + 1, budget)
            if free.first >= self.end_offset:
                size = min(size, self.room())
            if size <= 0:
                break
            taken = _Range(free.first, free.first + size - 1, ACQUIRED, free.count + 1, member_id, deadline_ms)
            self._put(taken)
            acquired.append(Acquired(taken.first, taken.last, taken.count))
            budget -= size
        self._merge()
        return acquired

    def archive(self, first: int, last: int) -> None:
        """Records that are for nobody (transaction markers, aborted transactions): done wherever they are free."""
        for free in list(self._free(max(first, self.start_offset), last)):
            self._put(_Range(free.first, free.last, ARCHIVED, free.count))
        self._merge()
        self._advance_start()

    def _free(self, first: int, last: int) -> Iterator[_Range]:
        """Free parts from `first` to `last`, in order; one beyond the end stands apart from one before it."""
        position = first
        for each in self._ranges:
            if each.last < first:
                continue
            if each.first > last:
                break
            if each.first > position:
                yield _Range(position, each.first - 1, AVAILABLE, 0)
            if each.is_free:
                yield each.part(max(each.first, first), min(each.last, last))
            position = each.last + 1
        if position <= last:
            if position < self.end_offset <= last:
                yield _Range(position, self.end_offset - 1, AVAILABLE, 0)
                position = self.end_offset
            yield _Range(position, last, AVAILABLE, 0)

    # -- acknowledging

    def acknowledge(
        self, member_id: str, acknowledgements: Iterable[Acknowledgement], renewed_until_ms: float = 0.0
    ) -> Transition | Refused:
        """All of it or nothing. `Refused`: not acquired, or not by this member. What was before the start is done."""
        changes: list[tuple[_Range, int]] = []
        previous_last = -1
        for each in acknowledgements:
            if each.first_offset <= previous_last:  # the same record twice
                return Refused(ErrorCode.INVALID_RECORD_STATE, NOT_ACQUIRED_OFFSET)
            previous_last = each.last_offset
            for first, last, kind in _runs(each):
                if last < self.start_offset:
                    continue
                parts = self._acquired_parts(member_id, max(first, self.start_offset), last)
                if isinstance(parts, Refused):
                    return parts
                changes += [(part, kind) for part in parts]
        transition = Transition()
        for part, kind in changes:
            if kind == RENEW:
                part.deadline_ms = renewed_until_ms
                self._put(part)
                continue
            part.pending = self._outcome(part, kind)
            self._put(part)
            transition.state_batches.append(StateBatch(part.first, part.last, part.pending, part.count))
        self._project(transition)
        return transition

    def _acquired_parts(self, member_id: str, first: int, last: int) -> list[_Range] | Refused:
        if first >= self.end_offset:
            return Refused(ErrorCode.INVALID_REQUEST, BEGINS_PAST_THE_END)
        if last >= self.end_offset:
            return Refused(ErrorCode.INVALID_REQUEST, PAST_THE_END)
        parts: list[_Range] = []
        position = first
        for each in self._ranges:
            if each.last < first:
                continue
            if each.first > last:
                break
            if each.first > position:
                return Refused(ErrorCode.INVALID_RECORD_STATE, NOT_FOUND)
            if each.state is not ACQUIRED or each.pending is not None:
                return Refused(ErrorCode.INVALID_RECORD_STATE, NOT_ACQUIRED)
            if each.member_id != member_id:
                return Refused(ErrorCode.INVALID_RECORD_STATE, NOT_THE_OWNER)
            parts.append(each.part(max(each.first, first), min(each.last, last)))
            position = each.last + 1
        if position <= last:
            return Refused(ErrorCode.INVALID_RECORD_STATE, NOT_FOUND)
        return parts

    def _outcome(self, part: _Range, kind: int) -> DeliveryState:
        if kind == ACCEPT:
            return ACKNOWLEDGED
        if kind == RELEASE and part.count < self.count_limit:
            return AVAILABLE
        return ARCHIVED

    def settle(self, transition: Transition, *, persisted: bool) -> None:
        """The transition was persisted and counts, or was not: then its records are acquired as before."""
        for batch in transition.state_batches:
            for part in self._parts(batch.first_offset, batch.last_offset):
                if part.pending is None:
                    continue
                if persisted:
                    self._put(_Range(part.first, part.last, part.pending, part.count))
                else:
                    part.pending = None
                    self._put(part)
        self._merge()
        self._advance_start()

    def _parts(self, first: int, last: int) -> list[_Range]:
        return [
            each.part(max(each.first, first), min(each.last, last))
            for each in self._ranges
            if each.last >= first and each.first <= last
        ]

    def _project(self, transition: Transition) -> None:
        """The start offset, and what is done behind it, once the transition counts.

        What is not known to be persisted does not move the start, as in Apache Kafka; the next transition tells of it.
        A write that seemed to fail may count all the same, and would have made the persister forget what is done behind
        the old start, to which the next one would go back.
        """
        mine = {(batch.first_offset, batch.last_offset) for batch in transition.state_batches}
        transition.start_offset = self.start_offset
        transition.delivery_complete_count = sum(
            each.last - each.first + 1
            for each in self._ranges
            if (each.pending if each.pending is not None and (each.first, each.last) in mine else each.state) in DONE
        )

    # -- giving up

    def release(self, member_id: str) -> Transition:
        """The member is gone: what it has not acknowledged is another's. It counts at once."""
        return self._give_up([each for each in self._locked() if each.member_id == member_id])

    def expire(self, now_ms: float) -> Transition:
        """The locks that have expired. It counts at once."""
        return self._give_up([each for each in self._locked() if each.deadline_ms <= now_ms])

    def _give_up(self, locked: list[_Range]) -> Transition:
        """Available again, or archived after the last delivery allowed."""
        transition = Transition()
        for each in locked:
            state = AVAILABLE if each.count < self.count_limit else ARCHIVED
            self._put(_Range(each.first, each.last, state, each.count))
            transition.state_batches.append(StateBatch(each.first, each.last, state, each.count))
        self._merge()
        self._advance_start()
        self._project(transition)
        return transition

    def move_start(self, log_start_offset: int) -> None:
        """What stands before the log's start is no more."""
        if log_start_offset <= self.start_offset:
            return
        self._ranges = [
            each if each.first >= log_start_offset else each.part(log_start_offset, each.last)
            for each in self._ranges
            if each.last >= log_start_offset
        ]
        self.start_offset = log_start_offset
        self.end_offset = max(self.end_offset, log_start_offset)
        self._advance_start()

    # -- ranges

    def _put(self, new: _Range) -> None:
        """`new` in the place of whatever stood at its offsets."""
        ranges = self._ranges
        low = 0
        while low < len(ranges) and ranges[low].last < new.first:
            low += 1
        high = low
        put: list[_Range] = []
        while high < len(ranges) and ranges[high].first <= new.last:
            each = ranges[high]
            if each.first < new.first:
                put.append(each.part(each.first, new.first - 1))
            high += 1
        put.append(new)
        if high > low and ranges[high - 1].last > new.last:
            put.append(ranges[high - 1].part(new.last + 1, ranges[high - 1].last))
        ranges[low:high] = put
        self.end_offset = max(self.end_offset, new.last + 1)

    def _merge(self) -> None:
        """Neighbours that are alike become one: the number of ranges follows what differs, not what was asked."""
        merged: list[_Range] = []
        for each in self._ranges:
            last = merged[-1] if merged else None
            if last is not None and last.last + 1 == each.first and last.pending is None and last.is_like(each):
                merged[-1] = last.part(last.first, each.last)
                merged[-1].count = max(last.count, each.count)
            else:
                merged.append(each)
        self._ranges = merged

    def _advance_start(self) -> None:
        done = 0
        for each in self._ranges:
            if each.first != self.start_offset or each.state not in DONE:
                break
            self.start_offset = each.last + 1
            done += 1
        if done:
            del self._ranges[:done]


def _persisted_state(state: int) -> DeliveryState:
    """What was on its way to a dead-letter queue (ARCHIVING) is done: there are none. Nothing is acquired any more."""
    if state == ACKNOWLEDGED:
        return ACKNOWLEDGED
    return ARCHIVED if state >= DeliveryState.ARCHIVING else AVAILABLE


def _runs(acknowledgement: Acknowledgement) -> Iterator[tuple[int, int, int]]:
    """(first, last, type): neighbours with the same type together."""
    first, types = acknowledgement.first_offset, acknowledgement.types
    if len(types) == 1:
        yield first, acknowledgement.last_offset, types[0]
        return
    start = 0
    for i in range(1, len(types) + 1):
        if i == len(types) or types[i] != types[start]:
            yield first + start, first + i - 1, types[start]
            start = i
