"""One partition's log: the public face of the room (`UnifiedLog`, `LocalLog`).

The way of an append: check the header and the checksum → roll if the active segment is full → patch base offset and
leader epoch (the first 16 bytes; the rest of the producer's bytes is written as it came) → one gathering write →
remember what indexes, producers and epochs need. Batches of clients that need nothing special, which is nearly every
batch, take a short way (`plain_batches`), and those that came together take it together; any other goes through
`append_validation`.

Every call is synchronous and on one thread. `OSError` from the disk passes through: the log's directory has failed, and
what was not acknowledged is not there. Whatever a client can send is answered by a value.
"""

from collections.abc import Sequence

from ottla.log.append_result import AppendOrigin, AppendResult
from ottla.log.append_validation import CheckedBatch, Refusal, check_client_batch, check_own_batches
from ottla.log.fetched_batches import fetched_batches
from ottla.log.local_log import LocalLog
from ottla.log.log_slice import AbortedTransaction, LogSlice
from ottla.log.plain_batches import HEAD, SentBatch, plain_batches, room_in
from ottla.log.producer_recovery import marker_of, record_marker
from ottla.log.producer_state import SequenceError
from ottla.log.recalled_batches import recall_batches
from ottla.log.segment import MAX_RELATIVE_OFFSET, Segment
from ottla.log.timestamps import TimestampedOffset, first_at_or_after, of_max_timestamp
from ottla.log.transaction_index import AbortedTransactionEntry
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import BatchHeader
from ottla.runtime.files import Buffer, FileRegion

_NONE = ErrorCode.NONE
_CLIENT = AppendOrigin.CLIENT
_COORDINATOR = AppendOrigin.COORDINATOR
NO_OFFSET = -1


class Log(LocalLog):
    """One partition's log. `Log.open` makes it; offsets are absolute, times in milliseconds since 1970."""

    __slots__ = ()

    # ── appending ──────────────────────────────────────────────────────────────────────────────────────────────────

    def append(
        self,
        records: Buffer,
        *,
        leader_epoch: int,
        now_ms: int,
        origin: AppendOrigin = _CLIENT,
        transaction_version: int = 0,
    ) -> AppendResult:
        """Append; see `AppendOrigin` for what is checked and who assigns offsets, `AppendResult` for the answer.

        `transaction_version` is that of a transaction's marker, and decides which epochs it may have.
        `records` is not changed, and not kept. Raises `OSError`; `ValueError` for RAFT and REPLICATION batches that do
        not follow the log's end.
        """
        if self._plain if origin is _CLIENT else origin is _COORDINATOR and not self._stamps:
            offsets = self._append_plain(((memoryview(records), 0, len(records)),), leader_epoch, now_ms)
            if offsets:
                return AppendResult(_NONE, offsets[0], self.log_end_offset - 1, -1, self.log_start_offset)
        return self._append_checked(records, leader_epoch, now_ms, origin, transaction_version)

    def append_plain(self, batches: Sequence[SentBatch], *, leader_epoch: int, now_ms: int) -> list[int]:
        """Append batches of clients in their order with one write, as far as they are plain; the base offset of each.

        The first that needs more (a check of its records, a new segment, a duplicate's answer, a refusal), and all
        after it, are left to `append`. Raises `OSError`, as that does.
        """
        return self._append_plain(batches, leader_epoch, now_ms) if self._plain else []

    def _append_plain(self, batches: Sequence[SentBatch], leader_epoch: int, now_ms: int) -> list[int]:
        segment = self._segments.active
        if not self._prepared:
            segment.prepare()
            self._prepared = True
        base = self.log_end_offset
        offsets, buffers, appended, of_producer = plain_batches(
            batches,
            room_in(segment, now_ms),
            self._config,
            self.producers,
            log_end_offset=base,
            leader_epoch=leader_epoch,
            now_ms=now_ms,
        )
        if not offsets:
            return offsets
        segment.append(buffers, appended)
        self.log_end_offset = following = appended[-1][1] + 1
        if leader_epoch != self.epochs.latest:
            self.epochs.assign(leader_epoch, base)
        for one in of_producer:
            self.producers.append(*one)
        self._unflushed_records += following - base
        if self._unflushed_records >= self._config.flush_messages:
            self.flush()
        return offsets

    def _append_checked(
        self, records: Buffer, leader_epoch: int, now_ms: int, origin: AppendOrigin, transaction_version: int = 0
    ) -> AppendResult:
        """Any append: whatever the short way does not take, with the reason for a refusal."""
        if origin is _CLIENT:
            checked = check_client_batch(records, self._config, now_ms)
            if isinstance(checked, Refusal):
                return self._refused(checked)
            batches = [checked]
        else:
            own = check_own_batches(records, self._config, now_ms, origin)
            if isinstance(own, Refusal):
                return self._refused(own)
            batches = own
        size = sum(batch.header.size for batch in batches)
        if size > self._config.segment_bytes:
            return self._refused(
                Refusal(
                    ErrorCode.RECORD_LIST_TOO_LARGE,
                    f"{size} bytes do not fit a segment of {self._config.segment_bytes} bytes",
                )
            )
        batches = self._assign_offsets(batches, origin, leader_epoch)
        if not batches:
            return AppendResult(_NONE, NO_OFFSET, NO_OFFSET, -1, self.log_start_offset)
        for batch in batches:
            objection = self._producer_objection(batch, origin, transaction_version)
            if objection is not None:
                return self._objected(objection)
        self._write(batches, size, now_ms)
        stamped = self._config.log_append_time and origin in (_CLIENT, AppendOrigin.COORDINATOR)
        return AppendResult(
            _NONE,
            batches[0].header.base_offset,
            batches[-1].header.last_offset,
            now_ms if stamped else -1,
            self.log_start_offset,
        )

    def _assign_offsets(
        self, batches: list[CheckedBatch], origin: AppendOrigin, leader_epoch: int
    ) -> list[CheckedBatch]:
        """The batches with the headers that they will have in the log."""
        following = self.log_end_offset
        assigned = []
        for header, view in batches:
            if origin is AppendOrigin.RAFT or origin is AppendOrigin.REPLICATION:
                first = following if origin is AppendOrigin.RAFT else max(following, header.base_offset)
                if header.base_offset != first or header.last_offset_delta < 0:
                    raise ValueError(
                        f"{self.directory}: {header.base_offset} … {header.last_offset} cannot follow {following}"
                    )
                if origin is AppendOrigin.RAFT:
                    header = header._replace(partition_leader_epoch=leader_epoch)
            else:
                header = header._replace(base_offset=following, partition_leader_epoch=leader_epoch)
            assigned.append(CheckedBatch(header, view))
            following = header.next_offset
        return assigned

    def _producer_objection(
        self, batch: CheckedBatch, origin: AppendOrigin, transaction_version: int
    ) -> SequenceError | None:
        header, view = batch
        if not header.has_producer_id or origin is AppendOrigin.REPLICATION:
            return None
        producers = self.producers
        if header.is_control:
            marker = marker_of(header, view)
            return marker and producers.check_marker(
                header.producer_id, header.producer_epoch, marker[1], transaction_version
            )
        of_batch = (
            header.producer_id,
            header.producer_epoch,
            header.base_sequence,
            header.last_offset_delta,
            header.is_transactional,
        )
        objection = producers.check(*of_batch)
        if objection is not None and self._recalls_more(objection, header):
            objection = producers.check(*of_batch)
        if objection is not None and (origin is _CLIENT or objection.error is ErrorCode.INVALID_PRODUCER_EPOCH):
            return objection
        return None

    def _recalls_more(self, objection: SequenceError, header: BatchHeader) -> bool:
        """What seems to come too late may be a duplicate of a batch that only the log remembers."""
        entry = self.producers.entries.get(header.producer_id)
        if (
            objection.error is not ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
            or entry is None
            or entry.is_recalled
            or entry.epoch != header.producer_epoch
        ):
            return False
        recall_batches(entry, self.read, self.log_start_offset)
        return True

    def _write(self, batches: list[CheckedBatch], size: int, now_ms: int) -> None:
        latest = max(batch.header.max_timestamp for batch in batches)
        last = batches[-1].header.last_offset
        segment = self._ready_segment(size, latest, batches[0].header.base_offset, last, now_ms)
        for header, view in batches:
            head = HEAD.pack(header.base_offset, header.batch_length, header.partition_leader_epoch)
            segment.append((head, view[HEAD.size :]), ((header.size, header.last_offset, header.max_timestamp),))
            self._note(header, view, segment)
        if self._unflushed_records >= self._config.flush_messages:
            self.flush()

    def _note(self, header: BatchHeader, view: memoryview, segment: Segment) -> None:
        """A batch stands in the log: what epochs, producers and the transaction index have to know of it."""
        self.log_end_offset = header.next_offset
        if header.partition_leader_epoch > self.epochs.latest:
            self.epochs.assign(header.partition_leader_epoch, header.base_offset)
        if header.has_producer_id:
            if header.is_control:
                ended = record_marker(self.producers, header, view)
                if ended is not None and ended[0].aborted:
                    transaction, stable = ended
                    segment.transactions.append(
                        AbortedTransactionEntry(
                            transaction.producer_id, transaction.first_offset, transaction.last_offset, stable
                        )
                    )
            else:
                self.producers.append_batch(header)
        self._unflushed_records += header.last_offset_delta + 1

    def append_fetched(self, records: Buffer, *, now_ms: int) -> int:
        """Append what was fetched from the leader, byte by byte; how many bytes of whole batches that was.

        All of it by one write where it fits into the active segment. Raises `OSError`; `InvalidBatchError` and
        `UnexpectedOffsetError` before anything is written.
        """
        batches = fetched_batches(records, self.log_end_offset)
        if not batches:
            return 0
        size = sum(batch.header.size for batch in batches)
        latest = max(batch.header.max_timestamp for batch in batches)
        segment = self._ready_segment(
            size, latest, batches[0].header.base_offset, batches[-1].header.last_offset, now_ms
        )
        if size <= segment.segment_bytes and (
            (segment.size and len(batches) <= segment.index_room) or len(batches) == 1
        ):
            appended = [(header.size, header.last_offset, header.max_timestamp) for header, _ in batches]
            segment.append((memoryview(records)[:size],), appended)
            for header, view in batches:
                self._note(header, view, segment)
        else:
            for header, view in batches:
                last = header.last_offset
                segment = self._ready_segment(header.size, header.max_timestamp, header.base_offset, last, now_ms)
                segment.append((view,), ((header.size, last, header.max_timestamp),))
                self._note(header, view, segment)
        if self._unflushed_records >= self._config.flush_messages:
            self.flush()
        return size

    def _ready_segment(self, size: int, max_timestamp: int, first: int, last: int, now_ms: int) -> Segment:
        """The active segment, after a roll if these bytes may not go into it."""
        segment = self._segments.active
        if not self._prepared:
            segment.prepare()
            self._prepared = True
        if (
            segment.full
            or segment.size + size > segment.segment_bytes
            or max_timestamp > segment.roll_after_timestamp
            or now_ms > segment.roll_after_ms
            or last - segment.base_offset > MAX_RELATIVE_OFFSET
        ) and segment.size:
            return self._roll(first, now_ms)
        return segment

    def _refused(self, refusal: Refusal) -> AppendResult:
        return AppendResult(
            refusal.error,
            NO_OFFSET,
            NO_OFFSET,
            -1,
            self.log_start_offset,
            record_errors=refusal.record_errors,
            error_message=refusal.message,
        )

    def _objected(self, objection: SequenceError) -> AppendResult:
        duplicate = objection.duplicate
        if duplicate is None:
            return self._refused(Refusal(objection.error, objection.message))
        return AppendResult(
            _NONE,
            duplicate.first_offset,
            duplicate.last_offset,
            duplicate.timestamp_ms,
            self.log_start_offset,
            duplicate=True,
        )

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, offset: int, max_bytes: int, *, upper_bound: int | None = None, min_one: bool = True) -> LogSlice:
        """Bytes from the batch that holds `offset` on, of one segment, never past `upper_bound` (default: the end).

        At most `max_bytes`, which may cut the last batch; with `min_one` at least one whole batch, however large.
        """
        end = self.log_end_offset
        if not self.log_start_offset <= offset <= end:
            return LogSlice(ErrorCode.OFFSET_OUT_OF_RANGE, offset, None)
        bound = end if upper_bound is None or upper_bound > end else upper_bound
        if offset >= bound:
            return LogSlice(_NONE, offset, None)
        segments = self._segments
        index = segments.floor(offset)
        while index < len(segments):
            segment = segments.read(index)
            found = segment.find(offset)
            if found is None:
                index += 1
                continue
            position, size = found
            limit = segment.size
            if bound < end and bound < segments.end_of(index, end):
                beyond = segment.find(bound)
                limit = limit if beyond is None else beyond[0]
            wanted = size if min_one and size > max_bytes else max_bytes
            available = limit - position
            if wanted > available:
                wanted = available
            if wanted <= 0:
                break
            return LogSlice(_NONE, offset, FileRegion(segment.file, position, wanted))
        return LogSlice(_NONE, offset, None)

    def aborted_transactions(self, start: int, end: int) -> list[AbortedTransaction]:
        """For a read_committed fetch of the offsets `start … end` (exclusive), by first offset."""
        found: list[AbortedTransaction] = []
        for index in range(self._segments.floor(start), len(self._segments)):
            transactions = self._segments[index].transactions
            overlapping = transactions.overlapping(start, end)
            found += [AbortedTransaction(entry.producer_id, entry.first_offset) for entry in overlapping]
            if transactions.entries and transactions.entries[-1].last_stable_offset >= end:
                break
        return sorted(found, key=lambda transaction: transaction.first_offset)

    def aborted_within(self, start: int, region: FileRegion) -> list[AbortedTransaction]:
        """`aborted_transactions` for what `read` found from `start` on; as in Kafka, up to the next indexed offset."""
        segments = self._segments
        first, last = segments.floor(start), len(segments) - 1
        if first == last and not segments[last].transactions.entries:
            return []
        for index in range(first, last + 1):
            segment = segments[index]
            if segment.file is region.file:
                bound = segment.offsets.bound_of(region.position, region.size)
                end = segments.end_of(index, self.log_end_offset) if bound is None else bound
                return self.aborted_transactions(start, end)
        return self.aborted_transactions(start, self.last_stable_offset)

    def offset_for_timestamp(self, timestamp_ms: int) -> TimestampedOffset | None:
        """The first record whose timestamp is `timestamp_ms` or later; None if there is none.

        `InvalidBatchError` when the batch that must be opened is malformed.
        """
        return first_at_or_after(self._segments, timestamp_ms, self.log_start_offset)

    def offset_of_max_timestamp(self) -> TimestampedOffset | None:
        """The first record with the largest timestamp of the log; None if no record has one."""
        return of_max_timestamp(self._segments, self.log_start_offset)
