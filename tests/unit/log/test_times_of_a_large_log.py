"""Offsets for timestamps in a log of two million records: exact, with a few reads of a few kilobytes each."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest
from tests.simulation.disk import SimulatedDisk, SimulatedFile
from tests.unit.log.batches import NOW_MS, append, batch, open_log

from ottla.log.config import LogConfig

RECORDS: Final = 2_000  # of a batch; each batch has a time of its own
BATCHES: Final = 1_000
STEP_MS: Final = 10
CONFIG: Final = LogConfig(segment_bytes=1 << 20, message_timestamp_type="LogAppendTime", retention_ms=-1)
MAX_READS: Final = 40
"""Of the indexes of each of the twenty segments, once after a start, and of one segment's batches."""
MAX_BYTES: Final = 200_000
"""The batch itself, and what stands between two entries of the index; the log has a hundred times as much."""


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counter: Counter[str] = Counter()
    read = SimulatedFile.read

    def counting(file: SimulatedFile, position: int, size: int) -> bytes:
        content = read(file, position, size)
        counter["reads"] += 1
        counter["bytes"] += len(content)
        return content

    monkeypatch.setattr(SimulatedFile, "read", counting)
    return counter


@pytest.mark.parametrize("reopened", [False, True])
def test_a_timestamp_is_found_with_few_reads(counted: Counter[str], reopened: bool) -> None:
    disk = SimulatedDisk(1)
    log = open_log(disk, CONFIG)
    records = batch(RECORDS, size=0, key=None)
    for number in range(BATCHES):
        append(log, records, now_ms=NOW_MS + number * STEP_MS)
    assert log.log_end_offset == RECORDS * BATCHES
    assert log.segment_count > 10
    assert log.size_bytes > 50 * MAX_BYTES
    if reopened:
        log.close()
        log = open_log(disk, CONFIG)
    for number in (0, 1, 17, 333, 500, 777, BATCHES - 2, BATCHES - 1):
        for timestamp_ms in (NOW_MS + number * STEP_MS, NOW_MS + number * STEP_MS - 3):
            counted.clear()
            found = log.offset_for_timestamp(timestamp_ms)
            assert found is not None
            assert (found.offset, found.timestamp_ms) == (number * RECORDS, NOW_MS + number * STEP_MS)
            assert counted["reads"] <= MAX_READS, counted
            assert counted["bytes"] <= MAX_BYTES, counted
    counted.clear()
    assert log.offset_for_timestamp(NOW_MS + BATCHES * STEP_MS) is None
    assert counted["bytes"] <= MAX_BYTES, counted
    counted.clear()
    newest = log.offset_of_max_timestamp()
    assert newest is not None
    assert newest.timestamp_ms == NOW_MS + (BATCHES - 1) * STEP_MS
    assert (BATCHES - 1) * RECORDS <= newest.offset < BATCHES * RECORDS
    assert counted["reads"] <= MAX_READS, counted
    assert counted["bytes"] <= MAX_BYTES, counted
