"""What a follower appends: the leader's bytes as they are, and all that the leader knows of them."""

from __future__ import annotations

from pathlib import PurePath
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import NOW_MS, all_bytes, append, batch, open_log

from ottla.log.append_result import AppendOrigin
from ottla.log.config import LogConfig
from ottla.log.fetched_batches import UnexpectedOffsetError
from ottla.log.log import Log
from ottla.protocol.control_batch import end_transaction_batch
from ottla.protocol.record_batch import InvalidBatchError

if TYPE_CHECKING:
    from ottla.log.transaction_index import AbortedTransactionEntry

FOLLOWER = PurePath("/data/topic-1")


def follower(config: LogConfig | None = None) -> Log:
    return Log.open(SimulatedDisk(2), FOLLOWER, config or LogConfig(), now_ms=NOW_MS, clean=True)


def leader(seed: int, config: LogConfig | None = None) -> Log:
    """A log of several epochs, segments, producers and transactions."""
    random = Random(seed)
    log = open_log(SimulatedDisk(1), config)
    sequences = dict.fromkeys(range(3), 0)
    for number in range(40):
        epoch = number // 10
        producer = random.randrange(-1, 3)
        if producer < 0:
            append(log, batch(random.randrange(1, 4)), epoch=epoch)
        elif random.random() < 0.2:
            marker = end_transaction_batch(
                commit=random.random() < 0.5,
                producer_id=producer,
                producer_epoch=0,
                coordinator_epoch=1,
                timestamp_ms=NOW_MS,
            )
            append(log, bytes(marker), epoch=epoch, origin=AppendOrigin.COORDINATOR)
        else:
            count = random.randrange(1, 4)
            records = batch(count, producer_id=producer, sequence=sequences[producer], transactional=True)
            append(log, records, epoch=epoch)
            sequences[producer] += count
    return log


def aborted(log: Log) -> list[AbortedTransactionEntry]:
    return log.aborted_between(0, log.log_end_offset)


def producers(log: Log) -> dict[int, tuple[object, ...]]:
    entries = log.producers.entries.values()
    return {one.producer_id: (one.epoch, one.batches, one.transaction_first_offset) for one in entries}


@pytest.mark.parametrize("seed", range(20))
def test_a_follower_becomes_what_its_leader_is(seed: int) -> None:
    config = LogConfig(segment_bytes=2000, index_interval_bytes=300)
    source, copy = leader(seed, config), follower(LogConfig(segment_bytes=1500 if seed % 2 else 2000))
    data, random, position = all_bytes(source), Random(seed), 0
    while copy.log_end_offset < source.log_end_offset:
        position += copy.append_fetched(memoryview(data)[position:][: random.randrange(200, 3000)], now_ms=NOW_MS)
    assert all_bytes(copy) == data
    assert copy.epochs.entries == source.epochs.entries
    assert copy.segment_count > 1
    assert [entry[:3] for entry in aborted(copy)] == [entry[:3] for entry in aborted(source)]
    assert producers(copy) == producers(source)
    source.high_watermark = copy.high_watermark = source.log_end_offset
    assert copy.last_stable_offset == source.last_stable_offset


def test_a_cut_batch_is_left_for_the_next_fetch() -> None:
    log = follower()
    first, second = batch(2), batch(1, base_offset=2)
    assert log.append_fetched(first + second[:-1], now_ms=NOW_MS) == len(first)
    assert log.append_fetched(second[:5], now_ms=NOW_MS) == 0
    assert log.log_end_offset == 2


def test_a_hole_is_the_leaders_compaction() -> None:
    log = follower()
    log.append_fetched(batch(1, base_offset=7), now_ms=NOW_MS)
    assert log.log_end_offset == 8


def test_nothing_is_written_of_what_is_damaged_or_does_not_follow() -> None:
    log = follower()
    log.append_fetched(batch(2), now_ms=NOW_MS)
    before = all_bytes(log)
    good, damaged = batch(1, base_offset=2), bytearray(batch(1, base_offset=3))
    damaged[-1] ^= 1
    with pytest.raises(InvalidBatchError):
        log.append_fetched(good + damaged, now_ms=NOW_MS)
    with pytest.raises(UnexpectedOffsetError) as unexpected:
        log.append_fetched(good + batch(3, base_offset=1), now_ms=NOW_MS)
    assert (unexpected.value.first, unexpected.value.last) == (1, 3)
    assert (all_bytes(log), log.log_end_offset) == (before, 2)


def test_what_fits_is_one_write() -> None:
    disk = SimulatedDisk(2)
    log = Log.open(disk, FOLLOWER, LogConfig(), now_ms=NOW_MS, clean=True)
    log.append_fetched(batch(1), now_ms=NOW_MS)
    disk.fail_after(2, kinds=frozenset({"write"}))  # the second from now on
    log.append_fetched(b"".join(batch(1, base_offset=offset) for offset in range(1, 20)), now_ms=NOW_MS)
    assert log.log_end_offset == 20
