"""A log beside a list: whatever is done to it, in whatever order, what it gives back is what the list says."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import DIRECTORY, NOW_MS, all_bytes, append, batch, open_log

from ottla.log.config import LogConfig
from ottla.log.log import Log
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import iterate_batches


@dataclass(frozen=True)
class Appended:
    first: int
    last: int
    timestamp_ms: int
    epoch: int
    producer_id: int
    sequence: int
    body: bytes  # from byte 16 on: what the log does not assign


class LogAgainstList(RuleBasedStateMachine):
    """Small segments and indexes, so that every rule meets their borders."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = SimulatedDisk(1)
        self.batches: list[Appended] = []
        self.end = self.start = self.synced = 0
        self.epoch = 0
        self.sequences: dict[int, int] = {}

    @initialize(
        segment_bytes=st.sampled_from([400, 1000, 100_000]),
        interval=st.sampled_from([0, 150, 4096]),
        index_bytes=st.sampled_from([48, 10_000]),
    )
    def begin(self, segment_bytes: int, interval: int, index_bytes: int) -> None:
        self.config = LogConfig(
            segment_bytes=segment_bytes,
            index_interval_bytes=interval,
            segment_index_bytes=index_bytes,
            retention_ms=-1,
            file_delete_delay_ms=0,
        )
        self.log: Log = open_log(self.disk, self.config)

    @rule(
        count=st.integers(1, 4),
        size=st.integers(0, 60),
        ago_ms=st.integers(0, 50),
        producer=st.sampled_from([-1, 7, 8]),
    )
    def append(self, count: int, size: int, ago_ms: int, producer: int) -> None:
        timestamp = NOW_MS - ago_ms
        sequence = self.sequences.get(producer, 0)
        records = batch(count, size=size, timestamp_ms=timestamp, producer_id=producer, sequence=sequence)
        result = append(self.log, records, epoch=self.epoch)
        assert (result.base_offset, result.last_offset) == (self.end, self.end + count - 1)
        self.batches.append(
            Appended(self.end, self.end + count - 1, timestamp, self.epoch, producer, sequence, records[16:])
        )
        self.end += count
        if producer >= 0:
            self.sequences[producer] = sequence + count

    @precondition(lambda self: any(b.producer_id >= 0 for b in self.batches))
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """A producer's last batch, unknown to be there: answered with its offsets, and nothing is written."""
        last = data.draw(st.sampled_from([b for b in self.batches if b.producer_id >= 0]))
        newest = [b for b in self.batches if b.producer_id == last.producer_id][-1]
        count = newest.last - newest.first + 1
        if self.sequences.get(newest.producer_id) != newest.sequence + count:
            return  # the tail was cut off since: the sequence is new again
        records = batch(count, timestamp_ms=NOW_MS, producer_id=newest.producer_id, sequence=newest.sequence)
        result = append(self.log, records, epoch=self.epoch)
        assert result.duplicate
        assert (result.base_offset, result.last_offset) == (newest.first, newest.last)

    @rule()
    def roll(self) -> None:
        self.log.roll(NOW_MS)

    @rule()
    def flush(self) -> None:
        self.log.flush()
        assert self.log.recovery_point == self.end
        self.synced = self.end

    @rule()
    def new_leader(self) -> None:
        self.epoch += 1
        self.log.assign_epoch(self.epoch, self.end)

    @rule(data=st.data())
    def truncate(self, data: st.DataObject) -> None:
        offset = data.draw(st.integers(self.start, self.end))
        cut = self.log.truncate_to(offset, NOW_MS)
        assert cut == (offset < self.end)
        if cut:
            self.forget_from(offset)

    def forget_from(self, offset: int) -> None:
        self.batches = [b for b in self.batches if b.last < offset]
        self.end = offset
        self.synced = min(self.synced, offset)
        self.recount_sequences()

    def recount_sequences(self) -> None:
        """Of producers whose last batch is there the log must know; of others it may, as long as a snapshot does."""
        known = {producer_id: entry.next_sequence for producer_id, entry in self.log.producers.entries.items()}
        for b in self.batches:
            if b.producer_id >= 0 and b.last >= self.start:
                newest = [other for other in self.batches if other.producer_id == b.producer_id][-1]
                assert known[b.producer_id] == newest.sequence + newest.last - newest.first + 1
        self.sequences = known

    @rule(data=st.data())
    def delete_records(self, data: st.DataObject) -> None:
        self.log.high_watermark = self.end
        offset = data.draw(st.integers(self.start, self.end))
        self.log.delete_records(offset)
        self.start = offset
        self.log.delete_old_segments(NOW_MS)
        self.log.remove_deleted_files(NOW_MS)
        assert self.log.log_start_offset == self.start
        self.batches = [b for b in self.batches if b.last >= self.log.first_segment_offset]

    @rule()
    def reopen(self) -> None:
        self.log.close()
        self.open_again(clean=True)

    @rule()
    def kill(self) -> None:
        """The process dies, the machine does not: everything written is there."""
        self.disk.crash(power=False)
        self.open_again(clean=False)

    def open_again(self, *, clean: bool) -> None:
        expected = max((b.last + 1 for b in self.batches), default=None)
        self.log = Log.open(
            self.disk,
            DIRECTORY,
            self.config,
            now_ms=NOW_MS,
            clean=clean,
            recovery_point=self.synced,
            log_start_offset=self.start,
        )
        # A log that ends in offsets of a batch that was cut out of its middle ends with its last batch again.
        end = self.log.log_end_offset
        assert end == self.end or (expected is not None and end == max(expected, self.start)) or not self.batches
        self.end = end
        self.synced = self.end
        self.batches = [b for b in self.batches if b.last >= self.log.first_segment_offset]
        self.recount_sequences()

    @invariant()
    def same_content(self) -> None:
        if not hasattr(self, "log"):
            return
        assert (self.log.log_start_offset, self.log.log_end_offset) == (self.start, self.end)
        found = all_bytes(self.log, max_bytes=300)
        visible = [b for b in self.batches if b.last >= self.start]
        headers = list(iterate_batches(found))
        assert [(h.base_offset, h.last_offset, h.partition_leader_epoch) for _, h in headers] == [
            (b.first, b.last, b.epoch) for b in visible
        ]
        assert [found[at + 16 : at + h.size] for at, h in headers] == [b.body for b in visible]

    @invariant()
    def same_timestamps(self) -> None:
        if not hasattr(self, "log"):
            return
        visible = [b for b in self.batches if b.last >= self.start]
        for timestamp in (NOW_MS - 25, NOW_MS):
            expected = next((b for b in visible if b.timestamp_ms >= timestamp), None)
            found = self.log.offset_for_timestamp(timestamp)
            if expected is None:
                assert found is None
            else:
                assert found is not None
                assert (found.offset, found.timestamp_ms) == (max(expected.first, self.start), expected.timestamp_ms)

    @invariant()
    def outside(self) -> None:
        if hasattr(self, "log"):
            assert self.log.read(self.end + 1, 100).error is ErrorCode.OFFSET_OUT_OF_RANGE
            assert self.log.read(self.start - 1, 100).error is ErrorCode.OFFSET_OUT_OF_RANGE
            assert self.log.read(self.end, 100).region is None


TestLogAgainstList = LogAgainstList.TestCase
TestLogAgainstList.settings = settings(max_examples=80, stateful_step_count=30, deadline=None, derandomize=True)
