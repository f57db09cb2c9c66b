"""What is cut off stays cut off, and what the log knows of leader epochs fits what is in it. KIP-101, 279."""

from __future__ import annotations

from random import Random

import pytest
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import NOW_MS, append, batch, open_log

from ottla.log.config import LogConfig

CONFIG = LogConfig(segment_bytes=400, retention_ms=-1)


@pytest.mark.parametrize("seed", range(30))
def test_no_loss_of_power_brings_back_what_was_cut_off(seed: int) -> None:
    """It would stand in the place of what is appended instead."""
    random, disk = Random(seed), SimulatedDisk(seed)
    log = open_log(disk, CONFIG)
    for _ in range(12):
        append(log, batch(2), epoch=1)
    log.flush()
    for _ in range(random.randrange(4)):
        append(log, batch(2), epoch=1)
    offset = 2 * random.randrange(1, 12)
    log.truncate_to(offset, NOW_MS)
    disk.crash()
    again = open_log(disk, CONFIG, clean=False, recovery_point=min(log.recovery_point, offset))
    assert again.log_end_offset == offset


def test_an_epoch_that_wrote_nothing_is_forgotten_by_a_truncation_at_the_end() -> None:
    """Else a follower would ask its leader about that epoch for ever."""
    log = open_log(SimulatedDisk(1))
    append(log, batch(3), epoch=1)
    log.assign_epoch(4, 3)
    assert log.truncate_to(3, NOW_MS) is False
    assert (log.epochs.entries, log.log_end_offset) == ([(1, 0)], 3)


def test_epochs_of_deleted_records_that_a_crash_brings_back_are_known_again() -> None:
    disk = SimulatedDisk(1)
    log = open_log(disk)
    append(log, batch(5), epoch=1)
    append(log, batch(5), epoch=2)
    log.flush()
    log.high_watermark = 10
    log.delete_records(7)
    assert log.epochs.entries == [(2, 7)]
    disk.crash(power=False)
    again = open_log(disk, clean=False, recovery_point=10)  # the checkpoint of the log's start was not written yet
    assert again.log_start_offset == 0
    assert again.epochs.entries == [(1, 0), (2, 5)]
