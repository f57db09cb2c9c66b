"""What a stopped node may leave in a log's directory, and what becomes of it."""

from __future__ import annotations

import pytest
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import DIRECTORY, NOW_MS, all_bytes, append, batch, open_log

from ottla.log.config import LogConfig
from ottla.log.log import Log
from ottla.protocol.errors import ErrorCode

CONFIG = LogConfig(segment_bytes=500, index_interval_bytes=100)


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk(1)


def name(offset: int, suffix: str) -> str:
    return f"{offset:020d}{suffix}"


def write(disk: SimulatedDisk, file: str, content: bytes) -> None:
    opened = disk.open(DIRECTORY / file, create=True)
    opened.truncate(0)
    opened.append([content])


def read(disk: SimulatedDisk, file: str) -> bytes:
    opened = disk.open(DIRECTORY / file)
    return opened.read(0, opened.size)


def written(disk: SimulatedDisk, batches: int = 20) -> tuple[list[int], bytes]:
    """A log of some segments, closed cleanly: the segments' base offsets, and all bytes."""
    log = open_log(disk, CONFIG)
    for index in range(batches):
        append(log, batch(2, timestamp_ms=NOW_MS + index))
    content = all_bytes(log)
    log.close()
    bases = [int(file[:20]) for file in disk.list(DIRECTORY) if file.endswith(".log")]
    assert len(bases) >= 4
    return bases, content


def test_a_corrupt_batch_ends_the_log_there(disk: SimulatedDisk) -> None:
    bases, content = written(disk)
    broken = bytearray(read(disk, name(bases[1], ".log")))
    size = len(batch(2))
    broken[size + 70] ^= 1
    write(disk, name(bases[1], ".log"), bytes(broken))
    log = open_log(disk, CONFIG, clean=False)
    assert log.log_end_offset == bases[1] + 2
    assert log.truncated_bytes == len(content) - size * (log.log_end_offset // 2)
    assert all_bytes(log) == content[: size * (log.log_end_offset // 2)]
    assert [file for file in disk.list(DIRECTORY) if file.endswith((".log", ".deleted"))] == [
        name(base, ".log") for base in bases[:2]
    ]
    assert append(log, batch()).base_offset == bases[1] + 2


def test_what_was_synced_is_not_read_again(disk: SimulatedDisk) -> None:
    """Recovery begins at the segment of the recovery point."""
    bases, content = written(disk)
    broken = bytearray(read(disk, name(bases[0], ".log")))
    broken[70] ^= 1
    write(disk, name(bases[0], ".log"), bytes(broken))
    log = open_log(disk, CONFIG, clean=False, recovery_point=bases[2])
    assert (log.log_end_offset, log.truncated_bytes) == (40, 0)
    assert len(all_bytes(log)) == len(content)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("damage", ["missing", "cut", "noise", "empty"])
@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
def test_indexes_are_made_again(disk: SimulatedDisk, suffix: str, damage: str, clean: bool) -> None:
    bases, content = written(disk)
    whole = {base: read(disk, name(base, suffix)) for base in bases}
    for base in bases:
        if damage == "missing":
            disk.remove(DIRECTORY / name(base, suffix))
        else:
            damaged = {"cut": whole[base][:-3], "noise": bytes(range(255, 255 - len(whole[base]), -1)), "empty": b""}
            write(disk, name(base, suffix), damaged[damage])
    log = open_log(disk, CONFIG, clean=clean)
    assert log.log_end_offset == 40
    assert all_bytes(log) == content
    if damage != "empty" or not clean:  # an empty index is a slow one, and not wrong
        for index in (0, 3, 13, 19):
            found = log.offset_for_timestamp(NOW_MS + index)
            assert found is not None
            assert found.offset == 2 * index
    if not clean:
        assert {base: read(disk, name(base, suffix)) for base in bases} == whole


def test_an_index_without_its_log_goes(disk: SimulatedDisk) -> None:
    written(disk)
    write(disk, name(1000, ".index"), b"12345678")
    write(disk, name(1000, ".txnindex"), b"")
    open_log(disk, CONFIG)
    assert not any(file.startswith(name(1000, "")) for file in disk.list(DIRECTORY))


def test_left_over_files_go(disk: SimulatedDisk) -> None:
    _, content = written(disk)
    for file in (name(0, ".log.deleted"), name(0, ".log.cleaned"), name(0, ".index.cleaned"), name(4, ".log.swap")):
        write(disk, file, b"whatever")
    log = open_log(disk, CONFIG)
    assert all_bytes(log) == content
    assert not [file for file in disk.list(DIRECTORY) if file.endswith((".deleted", ".cleaned", ".swap"))]


def test_a_finished_swap_replaces_the_segments_that_it_covers(disk: SimulatedDisk) -> None:
    bases, content = written(disk)
    joined = read(disk, name(bases[0], ".log")) + read(disk, name(bases[1], ".log"))
    write(disk, name(0, ".log.swap"), joined)
    write(disk, name(0, ".index.swap"), b"")
    write(disk, name(0, ".timeindex.swap"), b"")
    log = open_log(disk, LogConfig(segment_bytes=5000))
    assert all_bytes(log) == content
    assert read(disk, name(0, ".log")) == joined
    assert name(bases[1], ".log") not in disk.list(DIRECTORY)
    assert name(bases[2], ".log") in disk.list(DIRECTORY)


def test_an_empty_log_and_an_empty_last_segment(disk: SimulatedDisk) -> None:
    bases, content = written(disk)
    write(disk, name(40, ".log"), b"")
    for clean in (False, True):
        log = open_log(disk, CONFIG, clean=clean)
        assert (log.log_end_offset, all_bytes(log)) == (40, content)
        log.close()
    for file in disk.list(DIRECTORY):
        disk.remove(DIRECTORY / file)
    log = open_log(disk, CONFIG, clean=False)
    assert (log.log_start_offset, log.log_end_offset, bases[0]) == (0, 0, 0)


def test_a_start_beyond_the_end_begins_an_empty_log_there(disk: SimulatedDisk) -> None:
    written(disk)
    log = Log.open(disk, DIRECTORY, CONFIG, now_ms=NOW_MS, clean=False, log_start_offset=100)
    assert (log.log_start_offset, log.log_end_offset) == (100, 100)
    assert append(log, batch()).base_offset == 100
    assert log.read(50, 10).error is ErrorCode.OFFSET_OUT_OF_RANGE


def test_a_lost_end_of_a_closed_segment_is_noticed(disk: SimulatedDisk) -> None:
    """Cut between two batches, there is no torn batch to find, only offsets that are missing."""
    bases, _ = written(disk)
    whole = read(disk, name(bases[1], ".log"))
    write(disk, name(bases[1], ".log"), whole[: len(batch(2))])
    assert open_log(disk, CONFIG, clean=False).log_end_offset == bases[1] + 2


def test_truncating_everything_begins_anew(disk: SimulatedDisk) -> None:
    written(disk)
    log = open_log(disk, CONFIG)
    log.truncate_fully_at(77, NOW_MS)
    assert (log.log_start_offset, log.log_end_offset, log.epochs.entries) == (77, 77, [])
    append(log, batch(3), epoch=4)
    log.close()
    log = open_log(disk, CONFIG)
    assert (log.log_start_offset, log.log_end_offset, log.epochs.entries) == (77, 80, [(4, 77)])


def test_an_epoch_is_written_with_its_first_records(disk: SimulatedDisk) -> None:
    """Not when a leader begins it: one may come to lead thousands of partitions at once."""
    epochs = "leader-epoch-checkpoint"
    log = open_log(disk, CONFIG)
    append(log, batch(), epoch=3)
    log.flush()
    before = read(disk, epochs)
    log.assign_epoch(4, 1)
    assert (log.latest_epoch, read(disk, epochs)) == (4, before)
    append(log, batch(), epoch=4)
    disk.crash(power=False)
    again = open_log(disk, CONFIG, clean=False, recovery_point=1)
    assert again.epochs.entries == [(3, 0), (4, 1)]
    disk.crash(power=True)  # nobody flushes what recovery has synced
    assert open_log(disk, CONFIG, clean=False, recovery_point=2).epochs.entries == [(3, 0), (4, 1)]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("rolls", [False, True])
def test_what_is_finished_after_the_flush_is_synced_too(seed: int, rolls: bool) -> None:
    """`flush.messages` 1. Found by simulation: cluster-combined-flushed, seed 2069."""
    disk = SimulatedDisk(seed)
    log = open_log(disk)
    for number in range(3):
        append(log, batch(2, timestamp_ms=NOW_MS + number))
        log.flush()
        if rolls:
            log.roll(NOW_MS)
    recovery_point = log.recovery_point
    if not rolls:
        log.close()
    disk.crash()
    log = open_log(disk, clean=not rolls, recovery_point=recovery_point)
    found = log.offset_for_timestamp(NOW_MS + 1)
    assert found is not None
    assert found.offset == 2


@pytest.mark.parametrize("seed", range(40))
def test_an_id_that_a_crash_left_in_the_page_cache_is_synced_by_a_clean_stop(seed: int) -> None:
    """Found by simulation: cluster-combined-flushed, seed 2302."""
    disk = SimulatedDisk(seed)
    topic_id = bytes(range(16))

    def open_again(*, clean: bool) -> Log:
        return Log.open(disk, DIRECTORY, LogConfig(), now_ms=NOW_MS, clean=clean, topic_id=topic_id)

    open_again(clean=True)
    disk.crash(power=False)
    open_again(clean=False).close()
    disk.crash()
    assert open_again(clean=True).topic_id == topic_id
