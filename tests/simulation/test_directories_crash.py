"""All logs of a node in three log directories, one of which may fail, checkpoints, clean stops and crashes, by seed.

What must hold after every start, whatever the seed:

NoAcknowledgedLoss   what was flushed is there, in each directory: also in one that had failed and is well again
OnlyAPrefix          what is there is a prefix of what was appended, from the log's start on, byte for byte
SameProducers        the producers' next sequences are those of the batches that are there (snapshots, or none)
KeptStart            records that were deleted, and whose deletion was checkpointed, do not come back
OthersGoOn           while one directory is out of service, the logs of the others take appends
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.simulation.disk import DATA, EVERYTHING, SimulatedDisk
from tests.unit.log.batches import NOW_MS, all_bytes, batch

from ottla.log.checkpoint import LOG_START_OFFSETS
from ottla.log.config import LogConfig
from ottla.log.manager import LogManager
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import iterate_batches

if TYPE_CHECKING:
    from ottla.log.log import Log

SEEDS = int(os.environ.get("OTTLA_SEEDS", "150"))
CONFIG = LogConfig(segment_bytes=900, index_interval_bytes=150, segment_index_bytes=400, retention_ms=-1)
DIRECTORIES = tuple(PurePath(f"/disk-{name}") for name in "abc")
TOPICS = tuple(f"topic-{number}" for number in range(6))
LIVES = 4
STEPS = 50


class StillClock:
    ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> float:
        return float(self.ms)


@dataclass
class Appended:
    """What one log must hold: base offset, last offset, bytes from 16 on, (producer's next sequence or None)."""

    topic_id: bytes
    batches: list[tuple[int, int, bytes, int | None]] = field(default_factory=list)
    flushed: int = 0
    start: int = 0
    kept_start: int = 0
    """The start that a checkpoint on the disk holds."""
    is_deleted: bool = False
    """In the metadata: what is left of it on a disk that failed is a stray."""


class Node:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.disk = SimulatedDisk(seed)
        self.clock = StillClock()
        self.known: dict[str, Appended] = {}
        self.failed: Counter[str] = Counter()
        self.manager = self.start()

    def start(self) -> LogManager:
        manager = LogManager(
            self.disk, DIRECTORIES, self.clock, unique=lambda: self.random.randbytes(16), file_delete_delay_ms=0
        )
        manager.open_all(lambda _: CONFIG, lambda name, topic_id: self.is_hosted(name.topic, topic_id))
        assert len(manager.online) == len(DIRECTORIES), "the disk is well at a start"
        manager.put_strays_aside(lambda name, topic_id: self.is_hosted(name.topic, topic_id))
        return manager

    def is_hosted(self, topic: str, topic_id: bytes | None) -> bool:
        known = self.known.get(topic)
        return known is not None and not known.is_deleted and topic_id in (None, known.topic_id)

    def use(self) -> None:
        """Some steps, during which a directory may fail."""
        manager = self.manager
        if self.random.random() < 0.6:
            under = str(self.random.choice(DIRECTORIES))
            kinds = EVERYTHING if self.random.random() < 0.5 else DATA
            self.disk.fail_after(self.random.randrange(1, 60), times=10**6, under=under, kinds=kinds)
        for _ in range(self.random.randrange(STEPS)):
            self.step()
        for directory in manager.directories:
            self.failed[str(directory.path)] += directory.failure is not None
        assert len(manager.online) >= len(DIRECTORIES) - 1, "OthersGoOn"

    def step(self) -> None:
        chance = self.random.random()
        topic = self.random.choice(TOPICS)
        log = self.manager.get(topic, 0)
        if chance < 0.12:
            self.manager.checkpoint()
            self.note_starts()
        elif chance < 0.16:
            self.manager.remove_deleted()
        elif log is None:
            self.create(topic)
        elif chance < 0.18:
            self.known[topic].is_deleted = True
            self.manager.delete(topic, 0)
            if not self.manager.is_offline(log.directory.parent):
                del self.known[topic]
        else:
            try:
                self.touch(log, self.known[topic], chance)
            except OSError as error:
                self.manager.fail_directory_of(log, error)

    def create(self, topic: str) -> None:
        if topic in self.known and len(self.manager.online) < len(DIRECTORIES):
            return  # it lies in the directory that failed
        topic_id = self.random.randbytes(16)
        try:
            self.manager.get_or_create(topic, 0, topic_id, CONFIG)
        except OSError:
            return
        self.known[topic] = Appended(topic_id)

    def touch(self, log: Log, known: Appended, chance: float) -> None:
        if chance < 0.70:
            self.append(log, known)
        elif chance < 0.82:
            log.flush()
            known.flushed = log.log_end_offset
            log.high_watermark = log.log_end_offset
        elif chance < 0.90:
            log.roll(NOW_MS)
        elif log.high_watermark > log.log_start_offset:
            offset = self.random.randrange(log.log_start_offset, log.high_watermark + 1)
            known.start = offset
            log.delete_records(offset)
            log.delete_old_segments(NOW_MS)

    def append(self, log: Log, known: Appended) -> None:
        count = self.random.randrange(1, 4)
        entry = log.producers.entries.get(7)
        sequence = entry.next_sequence if entry else 0
        idempotent = self.random.random() < 0.6
        records = batch(count, size=self.random.randrange(60), producer_id=7 if idempotent else -1, sequence=sequence)
        end = log.log_end_offset
        next_sequence = sequence + count if idempotent else None
        known.batches.append((end, end + count - 1, records[16:], next_sequence))  # it may be there, if it fails
        result = log.append(records, leader_epoch=0, now_ms=NOW_MS)
        assert result.error is ErrorCode.NONE, result

    def note_starts(self) -> None:
        """What the checkpoints say; a start at the beginning of a segment is told by the segments' names alone."""
        for directory in self.manager.online:
            for name in directory.logs:
                self.known[name.topic].kept_start = directory.checkpoints[LOG_START_OFFSETS].get(name, 0)

    def end(self) -> None:
        """A clean stop, a kill or a loss of power; then the next start, on a disk that is well."""
        chance = self.random.random()
        if chance < 0.3:
            online = {directory.path for directory in self.manager.online}
            try:
                self.manager.close()
            except OSError:
                pass
            else:
                self.stopped_cleanly(online)
        self.disk.crash(power=chance > 0.5)
        self.manager = self.start()
        self.check()

    def stopped_cleanly(self, online: set[PurePath]) -> None:
        """A close flushes; a directory that failed in the meantime was not closed."""
        for topic, known in self.known.items():
            log = self.manager.get(topic, 0)
            if log is not None and log.directory.parent in online:
                known.flushed = log.log_end_offset
        self.note_starts()

    def check(self) -> None:
        for topic, known in list(self.known.items()):
            log = self.manager.get(topic, 0)
            if log is None or known.is_deleted:
                assert known.is_deleted or known.flushed == 0, f"NoAcknowledgedLoss: {topic} is gone"
                del self.known[topic]
                continue
            self.check_log(topic, log, known)
            self.manager.get_or_create(topic, 0, known.topic_id, CONFIG)  # as the metadata tells it
            assert log.topic_id == known.topic_id

    def check_log(self, topic: str, log: Log, known: Appended) -> None:
        assert log.topic_id in (None, known.topic_id)
        start = log.log_start_offset
        assert known.kept_start <= start <= max(known.start, known.kept_start), f"KeptStart: {topic} {start} {known}"
        found = all_bytes(log)
        there = [(header.base_offset, found[at + 16 : at + header.size]) for at, header in iterate_batches(found)]
        first = next((n for n, entry in enumerate(known.batches) if entry[1] >= start), len(known.batches))
        expected = [(base, content) for base, _, content, _ in known.batches[first:]]
        assert there == expected[: len(there)], f"OnlyAPrefix: {topic}"
        kept = known.batches[: first + len(there)]
        assert log.log_end_offset >= known.flushed, f"NoAcknowledgedLoss: {topic} {log.log_end_offset} {known.flushed}"
        entry = log.producers.entries.get(7)
        told = [sequence for _, last, _, sequence in kept if sequence is not None and last >= start]
        if told:
            assert entry is not None, f"SameProducers: {topic}"
            assert entry.next_sequence == told[-1], f"SameProducers: {topic}"
        known.batches = kept
        known.flushed, known.start = log.log_end_offset, start
        known.kept_start = min(known.kept_start, start)
        log.high_watermark = log.log_end_offset


def several_directories(seed: int) -> str:
    node = Node(seed)
    for _ in range(LIVES):
        node.use()
        node.end()
    ends = sorted((topic, len(known.batches), known.flushed, known.start) for topic, known in node.known.items())
    return f"{ends} {sorted(node.failed.items())}|{sorted(node.disk.met.items())}"


WORLDS = {"log-directories": several_directories}


@pytest.mark.parametrize("block", range(10))
def test_one_directory_fails_and_nothing_acknowledged_is_lost(block: int) -> None:
    for seed in range(block, SEEDS, 10):
        several_directories(seed)


def test_the_seeds_let_directories_fail_and_the_same_again() -> None:
    failed: Counter[str] = Counter()
    for seed in range(20):
        node = Node(seed)
        for _ in range(LIVES):
            node.use()
            node.end()
        failed += node.failed
    assert len(failed) == len(DIRECTORIES)
    assert several_directories(3) == several_directories(3)
