"""A log on a disk that loses what was not synced, tears what it was writing, and sometimes refuses to write.

What must hold after every crash, whatever the seed: everything up to the last flush is there; what is there is a prefix
of what was appended, byte for byte; the log takes appends, reads and closes again.
"""

from __future__ import annotations

import ast
import os
from collections import Counter
from random import Random

import pytest
from tests.simulation.disk import DATA, EVERYTHING, SimulatedDisk
from tests.unit.log.batches import DIRECTORY, NOW_MS, all_bytes, batch

from ottla.log.config import LogConfig
from ottla.log.log import Log
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import iterate_batches

SEEDS = int(os.environ.get("OTTLA_SEEDS", "150"))
CONFIG = LogConfig(segment_bytes=700, index_interval_bytes=150, segment_index_bytes=200, retention_ms=-1)


class Life:
    """One log over several crashes, and what was appended to it: (base offset, epoch, bytes from 16 on)."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.disk = SimulatedDisk(seed)
        self.appended: list[tuple[int, int, bytes]] = []
        self.pending: list[tuple[int, int, bytes]] = []  # not acknowledged: it may be there or not
        self.flushed = 0
        self.checkpoint = 0
        self.epoch = 0
        self.sequence = 0
        self.log = self.open(clean=True)

    def open(self, *, clean: bool) -> Log:
        return Log.open(self.disk, DIRECTORY, CONFIG, now_ms=NOW_MS, clean=clean, recovery_point=self.checkpoint)

    def append(self) -> None:
        count = self.random.randrange(1, 4)
        idempotent = self.random.random() < 0.5
        records = batch(
            count,
            size=self.random.randrange(60),
            timestamp_ms=NOW_MS - self.random.randrange(1000),
            producer_id=9 if idempotent else -1,
            sequence=self.sequence,
        )
        self.pending = [(self.log.log_end_offset, self.epoch, records[16:])]
        result = self.log.append(records, leader_epoch=self.epoch, now_ms=NOW_MS)
        self.pending = []
        assert result.error is ErrorCode.NONE, result
        if idempotent:
            self.sequence += count
        self.appended.append((result.base_offset, self.epoch, records[16:]))

    def flush(self) -> None:
        self.log.flush()
        self.flushed = self.log.log_end_offset
        if self.random.random() < 0.5:
            self.checkpoint = self.log.recovery_point

    def truncate(self) -> None:
        """At the end of a batch, as replicas and quorums do."""
        offset = self.random.choice([entry[0] for entry in self.appended[-4:]] + [self.log.log_end_offset])
        self.log.truncate_to(offset, NOW_MS)
        self.appended = [entry for entry in self.appended if last_offset(entry) < offset]
        self.flushed = min(self.flushed, offset)
        self.checkpoint = min(self.checkpoint, offset)
        self.sequence = self.next_sequence()

    def next_sequence(self) -> int:
        entry = self.log.producers.entries.get(9)
        return entry.next_sequence if entry else 0

    def step(self) -> None:
        chance = self.random.random()
        if chance < 0.70:
            self.append()
        elif chance < 0.80:
            self.flush()
        elif chance < 0.86:
            self.log.roll(NOW_MS)
        elif chance < 0.93:
            self.epoch += 1
            self.log.assign_epoch(self.epoch, self.log.log_end_offset)
        else:
            self.log.remove_deleted_files(NOW_MS + CONFIG.file_delete_delay_ms)

    def trace(self) -> str:
        """The same for the same seed, wherever it is played; then what the disk did."""
        seen = (self.log.log_end_offset, self.epoch, self.sequence, len(self.appended))
        return f"{seen}|{sorted(self.disk.met.items())}"

    def check(self) -> None:
        """After a crash, on the log as it was opened again."""
        found = all_bytes(self.log)
        batches = [
            (header.base_offset, header.partition_leader_epoch, found[at + 16 : at + header.size])
            for at, header in iterate_batches(found)
        ]
        assert batches == (self.appended + self.pending)[: len(batches)], (
            "what is there must be a prefix of what was appended"
        )
        lost = self.appended[len(batches) :]
        assert all(entry[0] >= self.flushed for entry in lost), "what was flushed must be there"
        self.appended, self.pending = batches, []
        self.flushed = self.checkpoint = self.log.log_end_offset
        self.sequence = self.next_sequence()
        epochs = {epoch: base for base, epoch, _ in reversed(batches)}
        known = dict(self.log.epochs.entries)
        assert {epoch: known.get(epoch) for epoch in epochs} == epochs, "epochs of the batches that are there"


def last_offset(entry: tuple[int, int, bytes]) -> int:
    return entry[0] + int.from_bytes(entry[2][7:11], "big")


def power(seed: int) -> str:
    life = Life(seed)
    for _ in range(4):
        for _ in range(life.random.randrange(40)):
            life.step()
        life.disk.crash(power=life.random.random() < 0.8)
        life.log = life.open(clean=False)
        life.check()
    life.log.close()
    life.log = life.open(clean=True)
    life.check()
    return life.trace()


def disk_errors(seed: int) -> str:
    life = Life(seed)
    for _ in range(3):
        kinds = EVERYTHING if life.random.random() < 0.5 else DATA
        life.disk.fail_after(life.random.randrange(1, 40), kinds=kinds)
        try:
            for _ in range(60):
                life.step()
        except OSError:
            pass  # the log's directory has failed; whoever owns it stops using the log
        life.disk.crash(power=False)
        life.log = life.open(clean=False)
        life.check()
    return life.trace()


def truncation(seed: int) -> str:
    life = Life(seed)
    for _ in range(4):
        for _ in range(life.random.randrange(30)):
            life.step()
            if life.random.random() < 0.1:
                life.truncate()
        life.disk.crash(power=False)
        life.log = life.open(clean=False)
        life.check()
    return life.trace()


WORLDS = {"log-power": power, "log-disk-errors": disk_errors, "log-truncation": truncation}


@pytest.mark.parametrize("block", range(10))
@pytest.mark.parametrize("name", WORLDS)
def test_what_was_flushed_and_acknowledged_is_there(name: str, block: int) -> None:
    for seed in range(block, SEEDS, 10):
        WORLDS[name](seed)


def test_the_disk_does_all_that_it_can() -> None:
    met: Counter[str] = Counter()
    for seed in range(150):
        for world in WORLDS.values():
            met += Counter(dict(ast.literal_eval(world(seed).partition("|")[2])))
    wanted = {"bytes lost", "names lost", "write torn", "write failed", "sync failed", "read failed", "name failed"}
    assert wanted <= met.keys()


@pytest.mark.parametrize("failures", [1, 2])
def test_a_failed_append_leaves_no_torn_bytes_behind(failures: int) -> None:
    """The second failure is that of cutting them off; then that happens before the next append."""
    life = Life(5)
    life.append()
    end, size = life.log.log_end_offset, life.log.size_bytes
    life.disk.fail_after(1, times=failures)
    with pytest.raises(OSError, match="full"):
        life.append()
    assert (life.log.log_end_offset, life.log.size_bytes) == (end, size)
    life.append()
    assert len(life.appended) == 2
    life.check()
