"""A compacted log that lives through appends, transactions, cleanings and crashes, beside what its readers must see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.unit.log.batches import DIRECTORY, NOW_MS, all_bytes, append

from ottla.log.append_result import AppendOrigin
from ottla.log.cleaner import clean, run_to_end
from ottla.log.config import CleanerConfig, LogConfig
from ottla.log.log import Log
from ottla.protocol.control_batch import end_transaction_batch
from ottla.protocol.record import Record, RecordBatchBuilder, iterate_records
from ottla.protocol.record_batch import CompressionType, iterate_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.disk import SimulatedDisk

    from ottla.log.batch_reader import Step

CONFIG = LogConfig(
    cleanup_policy=("compact",),
    segment_bytes=900,
    index_interval_bytes=200,
    segment_index_bytes=400,
    delete_retention_ms=1000,
    retention_ms=-1,
    file_delete_delay_ms=0,
)
PLAIN, IDEMPOTENT, TRANSACTIONAL = -1, 7, 8


class Seen(NamedTuple):
    """What a reader from the start sees: the records, and what is left when later ones replace earlier ones."""

    records: list[Record]
    values: dict[bytes | None, tuple[int, bytes]]
    tombstones: dict[bytes | None, int]


class CompactedLife:
    """`now_ms` moves by hand. `sequences` are what the producers go on with."""

    def __init__(self, disk: SimulatedDisk, config: LogConfig = CONFIG) -> None:
        self.disk = disk
        self.config = config
        self.now_ms = NOW_MS
        self.first_dirty = 0
        self.checkpoint = 0
        self.sequences: dict[int, int] = {}
        self.horizons: dict[int, int] = {}  # offset of a tombstone -> when it may go at the earliest
        self.open_transaction = False
        self.log = self.open(clean=True)

    def open(self, *, clean: bool) -> Log:
        return Log.open(
            self.disk, DIRECTORY, self.config, now_ms=self.now_ms, clean=clean, recovery_point=self.checkpoint
        )

    def produce(
        self,
        pairs: Sequence[tuple[bytes, bytes | None]],
        producer_id: int = PLAIN,
        compression: CompressionType = CompressionType.NONE,
    ) -> None:
        builder = RecordBatchBuilder(
            compression=compression,
            producer_id=producer_id,
            producer_epoch=0 if producer_id >= 0 else -1,
            base_sequence=self.sequences.get(producer_id, 0) if producer_id >= 0 else -1,
            transactional=producer_id == TRANSACTIONAL,
        )
        for number, (key, value) in enumerate(pairs):
            builder.append(key, value, [("n", b"%d" % number)], timestamp_ms=self.now_ms + number % 3)
        append(self.log, bytes(builder.build()), now_ms=self.now_ms)
        if producer_id >= 0:
            self.sequences[producer_id] = self.sequences.get(producer_id, 0) + len(pairs)
        if producer_id == TRANSACTIONAL:
            self.open_transaction = True
        self.commit_everything()

    def end_transaction(self, *, commit: bool) -> None:
        if not self.open_transaction:
            return
        marker = end_transaction_batch(
            commit=commit, producer_id=TRANSACTIONAL, producer_epoch=0, coordinator_epoch=1, timestamp_ms=self.now_ms
        )
        append(self.log, bytes(marker), now_ms=self.now_ms, origin=AppendOrigin.COORDINATOR)
        self.open_transaction = False
        self.commit_everything()

    def commit_everything(self) -> None:
        self.log.high_watermark = self.log.log_end_offset

    def clean(self, keys_a_pass: int = 1000, each: Callable[[Step], None] = lambda _: None) -> bool:
        """One pass over everything that may be compacted. False: there was nothing."""
        log = self.log
        bound = min(log.last_stable_offset, log.active_segment_offset)
        bases = [segment.base_offset for segment in log.segments_between(0, log.log_end_offset)]
        end = max((base for base in [*bases, log.active_segment_offset] if base <= bound), default=0)
        if end <= self.first_dirty:
            return False
        config = CleanerConfig(dedupe_buffer_size=keys_a_pass * 256, io_buffer_load_factor=1.0, io_buffer_size=300)
        self.first_dirty = run_to_end(clean(log, self.first_dirty, end, config, now_ms=self.now_ms), each)
        self.log.remove_deleted_files(self.now_ms)
        visited = min((base for base in [*bases, log.active_segment_offset] if base >= self.first_dirty), default=0)
        for record in self.seen(committed=False).records:
            if record.value is None and record.offset < visited:
                self.horizons.setdefault(record.offset, self.now_ms + self.config.delete_retention_ms)
        return True

    # ── what readers see ───────────────────────────────────────────────────────────────────────────────────────────

    def seen(self, *, committed: bool) -> Seen:
        """From the start to the last stable offset (`committed`) or the end."""
        log = self.log
        end = log.last_stable_offset if committed else log.log_end_offset
        aborted = log.aborted_transactions(log.log_start_offset, end) if committed else []
        upcoming = sorted((transaction.first_offset, transaction.producer_id) for transaction in aborted)
        data = all_bytes(log, max_bytes=400)
        active: set[int] = set()
        records: list[Record] = []
        for at, header in iterate_batches(data):
            while upcoming and upcoming[0][0] <= header.last_offset:
                active.add(upcoming.pop(0)[1])
            if header.is_control:
                for marker in iterate_records(data, at, header):
                    if marker.key == b"\0\0\0\0":
                        active.discard(header.producer_id)
            elif not (header.is_transactional and header.producer_id in active):
                records += [record for record in iterate_records(data, at, header) if record.offset < end]
        return Seen(records, *_folded(records))

    def next_sequences(self) -> dict[int, int]:
        return {pid: entry.next_sequence for pid, entry in self.log.producers.entries.items()}


def _folded(records: list[Record]) -> tuple[dict[bytes | None, tuple[int, bytes]], dict[bytes | None, int]]:
    values: dict[bytes | None, tuple[int, bytes]] = {}
    tombstones: dict[bytes | None, int] = {}
    for record in records:
        values.pop(record.key, None)
        tombstones.pop(record.key, None)
        if record.value is None:
            tombstones[record.key] = record.offset
        else:
            values[record.key] = (record.offset, record.value)
    return values, tombstones


def assert_compacted(before: Seen, after: Seen, life: CompactedLife) -> None:
    """What compaction promises to whoever reads what is committed from the start."""
    cleaned_to = life.first_dirty
    assert after.values == before.values, "the last value of each key, under its offset"
    kept = {record.offset: record for record in before.records}
    assert all(kept.get(record.offset) == record for record in after.records), "nothing is changed or made up"
    assert [record.offset for record in after.records] == sorted(record.offset for record in after.records)
    assert [record for record in before.records if record.offset >= cleaned_to] == [
        record for record in after.records if record.offset >= cleaned_to
    ]
    head = [record.key for record in after.records if record.offset < cleaned_to]
    assert len(head) == len(set(head)), "one record of a key in what is compacted"
    for _, offset in before.tombstones.items() - after.tombstones.items():
        assert life.horizons[offset] <= life.now_ms, "tombstones stay for delete.retention.ms"
