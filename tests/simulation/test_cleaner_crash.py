"""Compaction on a disk that loses power or whose process dies, between any two steps and any two renames.

Whatever the seed: after recovery readers see the last value of every key as before, nothing is half-swapped, producers
go on with their sequences, and the next cleaning succeeds.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.simulation.disk import DATA, EVERYTHING, SimulatedDisk
from tests.unit.log.compacted import IDEMPOTENT, PLAIN, TRANSACTIONAL, CompactedLife, assert_compacted

from ottla.protocol.record_batch import CompressionType

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import PurePath

    from ottla.log.batch_reader import Step

SEEDS = int(os.environ.get("OTTLA_SEEDS", "150"))


class CrashError(Exception):
    """The process dies here."""


class DyingDisk(SimulatedDisk):
    """Dies before the n-th rename from now on."""

    renames_left: int | None = None

    def rename(self, source: PurePath, target: PurePath) -> None:
        if self.renames_left is not None:
            self.renames_left -= 1
            if self.renames_left < 0:
                raise CrashError
        super().rename(source, target)


def fill(life: CompactedLife, random: Random) -> None:
    for _ in range(random.randrange(5, 25)):
        pairs = [
            (
                b"key-%d" % random.randrange(12),
                None if random.random() < 0.2 else random.randbytes(random.randrange(50)),
            )
            for _ in range(random.randrange(1, 6))
        ]
        life.produce(pairs, random.choice([PLAIN, IDEMPOTENT, TRANSACTIONAL]), random.choice(list(CompressionType)))
        if random.random() < 0.4:
            life.end_transaction(commit=random.random() < 0.5)
        life.now_ms += random.randrange(200)
    life.end_transaction(commit=True)
    life.log.roll(life.now_ms)
    life.log.flush()
    life.checkpoint = random.choice([0, life.log.recovery_point])


def die_while_cleaning(life: CompactedLife, disk: DyingDisk, random: Random) -> bool:
    """False: it came to its end before."""
    steps_left = random.randrange(60)
    disk.renames_left = random.randrange(14) if random.random() < 0.7 else None

    def each(_: Step) -> None:
        nonlocal steps_left
        steps_left -= 1
        if steps_left < 0 and disk.renames_left is None:
            raise CrashError

    try:
        life.clean(random.choice([2, 1000]), each)
    except CrashError:
        return True
    finally:
        disk.renames_left = None
    return False


def crash(seed: int) -> Counter[bool]:
    """How often a cleaning was interrupted (True), and how often not."""
    outcomes: Counter[bool] = Counter()
    random = Random(seed)
    disk = DyingDisk(seed)
    life = CompactedLife(disk)
    for _ in range(4):
        fill(life, random)
        before, sequences = life.seen(committed=True), life.next_sequences()
        outcomes[die_while_cleaning(life, disk, random)] += 1
        end = life.log.log_end_offset
        disk.crash(power=random.random() < 0.5)
        life.log = life.open(clean=False)
        life.commit_everything()
        after = life.seen(committed=True)
        assert after.values == before.values, seed
        assert life.log.log_end_offset == end, seed
        assert life.next_sequences() == sequences, seed
        left = [name for name in disk.list(life.log.directory) if name.endswith((".cleaned", ".swap", ".deleted"))]
        assert left == [], seed
        life.clean()
        assert_compacted(before, life.seen(committed=True), life)
    return outcomes


def disk_errors(seed: int) -> int:
    """How often the disk failed."""
    failures = 0
    random = Random(seed)
    disk = DyingDisk(seed)
    life = CompactedLife(disk)
    for _ in range(3):
        fill(life, random)
        before = life.seen(committed=True)
        disk.fail_after(random.randrange(1, 40), kinds=EVERYTHING if random.random() < 0.5 else DATA)
        try:
            life.clean(random.choice([2, 1000]))
        except OSError:
            failures += 1
        disk.crash(power=False)
        life.log = life.open(clean=False)
        life.commit_everything()
        assert life.seen(committed=True).values == before.values, seed
    return failures


WORLDS: dict[str, Callable[[int], object]] = {"cleaner-crash": crash, "cleaner-disk-errors": disk_errors}


@pytest.mark.parametrize("block", range(10))
def test_a_crash_while_cleaning_loses_nothing(block: int) -> None:
    outcomes = sum((crash(seed) for seed in range(block, SEEDS, 10)), Counter[bool]())
    assert outcomes[True] > outcomes[False], "most cleanings should have been interrupted"


@pytest.mark.parametrize("block", range(10))
def test_a_disk_that_fails_while_cleaning_loses_nothing(block: int) -> None:
    assert sum(disk_errors(seed) for seed in range(block, SEEDS, 10)) > 0
