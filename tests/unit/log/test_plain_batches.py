"""Batches that are appended together: nothing may tell them from batches that are appended one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.disk import FAULT, SimulatedDisk
from tests.unit.log.batches import DIRECTORY, NOW_MS, all_bytes, append, batch, open_log

from ottla.log.append_result import AppendResult
from ottla.log.config import LogConfig
from ottla.log.producer_state import ProducerEntry
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import CompressionType

if TYPE_CHECKING:
    from ottla.log.log import Log
    from ottla.log.plain_batches import SentBatch

CORRUPT = bytes([*batch()[:-1], batch()[-1] ^ 1])
MAX_SEQUENCE = 2**31 - 1

of_producers = st.builds(
    batch,
    st.integers(1, 3),
    producer_id=st.sampled_from([7, 7, 8]),
    epoch=st.sampled_from([0, 0, 0, 1]),
    sequence=st.sampled_from([0, 0, 1, 2, 3, MAX_SEQUENCE - 1, MAX_SEQUENCE]),
    transactional=st.sampled_from([False, False, True]),
)
plain = st.builds(
    batch,
    st.integers(1, 3),
    timestamp_ms=st.integers(NOW_MS - 50, NOW_MS + 50),
    size=st.integers(0, 60),
    compression=st.sampled_from([CompressionType.NONE, CompressionType.GZIP]),
)
refused = st.sampled_from([b"", batch()[:-1], CORRUPT, batch() + batch(), batch(timestamp_ms=NOW_MS + 10**9)])
sent = st.lists(st.lists(st.one_of(plain, plain, of_producers, of_producers, refused), max_size=12), max_size=6)
configs = st.builds(
    LogConfig,
    segment_bytes=st.sampled_from([300, 1000, 100_000]),
    index_interval_bytes=st.sampled_from([0, 150, 4096]),
    segment_index_bytes=st.sampled_from([24, 48, 10_000]),
    max_message_bytes=st.sampled_from([150, 10_000]),
    segment_ms=st.sampled_from([20, 10**9]),
)


def as_sent(batches: list[bytes]) -> list[SentBatch]:
    """Each within the bytes of a request."""
    return [(memoryview(b"before" + records + b"after"), 6, 6 + len(records)) for records in batches]


def one_by_one(log: Log, batches: list[bytes]) -> list[AppendResult]:
    """As any batch that needs more than its header is appended."""
    log._plain = False
    return [log.append(records, leader_epoch=3, now_ms=NOW_MS) for records in batches]


def together(log: Log, batches: list[bytes]) -> list[AppendResult]:
    results: list[AppendResult] = []
    while len(results) < len(batches):
        rest = batches[len(results) :]
        offsets = log.append_plain(as_sent(rest), leader_epoch=3, now_ms=NOW_MS)
        ends = [*offsets[1:], log.log_end_offset]
        results += [
            AppendResult(ErrorCode.NONE, first, end - 1, -1, log.log_start_offset)
            for first, end in zip(offsets, ends, strict=bool(offsets))
        ]
        if len(offsets) < len(rest):
            results.append(log.append(rest[len(offsets)], leader_epoch=3, now_ms=NOW_MS))
    return results


def files_of(disk: SimulatedDisk) -> dict[str, bytes]:
    contents = {}
    for name in disk.list(DIRECTORY):
        file = disk.open(DIRECTORY / name)
        contents[name] = file.read(0, file.size)
    return contents


def state_of(entry: ProducerEntry) -> list[object]:
    return [getattr(entry, name) for name in ProducerEntry.__slots__]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(sent, configs)
def test_together_or_one_by_one_is_the_same(chunks: list[list[bytes]], config: LogConfig) -> None:
    disks = SimulatedDisk(1), SimulatedDisk(1)
    singly, jointly = (open_log(disk, config) for disk in disks)
    for batches in chunks:
        assert together(jointly, batches) == one_by_one(singly, batches)
        assert jointly.log_end_offset == singly.log_end_offset
    assert {key: state_of(entry) for key, entry in jointly.producers.entries.items()} == {
        key: state_of(entry) for key, entry in singly.producers.entries.items()
    }
    assert jointly.producers.first_unstable_offset == singly.producers.first_unstable_offset
    assert jointly.epochs.entries == singly.epochs.entries
    for offset in range(singly.log_start_offset, singly.log_end_offset + 1):
        ours, theirs = jointly.read(offset, 1).region, singly.read(offset, 1).region
        assert (ours and (ours.position, ours.size)) == (theirs and (theirs.position, theirs.size))
    for log in (singly, jointly):
        log.close()
    assert files_of(disks[1]) == files_of(disks[0])


def test_many_batches_are_one_write() -> None:
    disk = SimulatedDisk(1)
    log = open_log(disk)
    append(log, batch())
    batches = [batch(2, size=size) for size in range(500)]
    disk.fail_after(2)  # a second write would fail
    assert log.append_plain(as_sent(batches), leader_epoch=0, now_ms=NOW_MS) == list(range(1, 1001, 2))
    disk.fail_after(None)
    assert b"".join(records[16:] for records in batches) == b"".join(
        data[16:] for data in split(all_bytes(log), [len(batch()), *map(len, batches)])[1:]
    )
    assert log.read(777, 1).region is not None


def split(data: bytes, sizes: list[int]) -> list[bytes]:
    parts = []
    for size in sizes:
        parts.append(data[:size])
        data = data[size:]
    assert not data
    return parts


def test_a_failing_disk_leaves_nothing_of_them() -> None:
    disk = SimulatedDisk(1)
    log = open_log(disk)
    append(log, batch(producer_id=7, sequence=0))
    before = all_bytes(log)
    disk.fail_after(1)
    more = [batch(producer_id=7, sequence=sequence) for sequence in (1, 2, 3)]
    with pytest.raises(OSError, match=FAULT):
        log.append_plain(as_sent(more), leader_epoch=0, now_ms=NOW_MS)
    disk.fail_after(None)
    assert (log.log_end_offset, all_bytes(log)) == (1, before)
    assert log.append_plain(as_sent(more), leader_epoch=0, now_ms=NOW_MS) == [1, 2, 3]
    assert log.producers.entries[7].next_sequence == 4


def test_flush_messages_counts_them_all() -> None:
    log = open_log(SimulatedDisk(1), LogConfig(flush_messages=5))
    append(log, batch())
    assert log.append_plain(as_sent([batch(), batch(2)]), leader_epoch=0, now_ms=NOW_MS) == [1, 2]
    assert log.recovery_point == 0
    assert log.append_plain(as_sent([batch()]), leader_epoch=0, now_ms=NOW_MS) == [4]
    assert log.recovery_point == 5
