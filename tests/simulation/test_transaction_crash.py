"""Producers with transactions, a node that is killed between any two writes, and a reader of what was committed.

What must hold whatever the seed, once the node is up again and time has passed:

AllOrNothing         of each transaction every record and offset that was acknowledged can be read, or none of them
NoCommitLost         what EndTxn committed can be read; what it aborted cannot
NothingHangs         no transaction is open: the last stable offset is the log's end
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.transactions import FIRST_VERSIONS, SECOND_VERSIONS, TransactionNode

from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ottla.broker.replica.replica_manager import AppendOutcome

SEEDS = int(os.environ.get("OTTLA_SEEDS", "40"))
STEPS = 120
PRODUCERS = 3
PARTITIONS = 2
TIMEOUT_MS = 2_000
NONE = ErrorCode.NONE


class KilledError(BaseException):
    """The process is gone, in the middle of whatever it did."""


@dataclass
class Work:
    """One transaction: its records by partition, its offset, and what became of it (None: nobody was told)."""

    number: int
    values: dict[int, list[bytes]] = field(default_factory=dict)
    offset: int | None = None
    committed: bool | None = None
    asked_to_commit: bool = False


@dataclass
class SimulatedProducer:
    """A client that starts anew after any error, as applications do."""

    name: str
    second_version: bool
    identity: tuple[int, int] | None = None
    sequences: dict[int, int] = field(default_factory=dict)
    work: Work | None = None

    @property
    def versions(self) -> dict[str, int]:
        return SECOND_VERSIONS if self.second_version else FIRST_VERSIONS

    @property
    def group(self) -> str:
        return f"group-of-{self.name}"


class World:
    def __init__(self, seed: int, directory: Path) -> None:
        self.random = Random(seed)
        self.directory = directory
        self.producers = [
            SimulatedProducer(f"producer-{number}", self.random.random() < 0.6) for number in range(PRODUCERS)
        ]
        self.finished: list[tuple[SimulatedProducer, Work]] = []
        self.count = 0
        self.kills = 0
        self.node = TransactionNode(directory)
        self.node.create_topic("t", PARTITIONS)
        self.arm()

    # -- the node and its end

    def arm(self) -> None:
        """The coordinators' n-th write from now on is the last thing this process does, or what it just cannot do."""
        left = self.random.randrange(1, 40)
        manager = self.node.manager

        def limited(write: Callable[..., AppendOutcome]) -> Callable[..., AppendOutcome]:
            def append(*arguments: object, **options: object) -> AppendOutcome:
                nonlocal left
                left -= 1
                if left == 0 and self.random.random() < 0.5:
                    raise KilledError
                outcome = write(*arguments, **options)
                if left <= 0:
                    raise KilledError
                return outcome

            return append

        manager.append = limited(manager.append)  # type: ignore[method-assign]
        manager.append_marker = limited(manager.append_marker)  # type: ignore[method-assign]

    def restart(self) -> None:
        self.kills += 1
        ids, clock_ms = self.node.producer_ids.next_id, self.node.clock.ms
        history = self.node.history
        node = TransactionNode.__new__(TransactionNode)
        TransactionNode.__init__(node, self.directory, history=history)
        node.clock.ms = clock_ms
        node.producer_ids.next_id = ids
        self.node = node
        self.arm()

    def pass_time(self, ms: int) -> None:
        for _ in range(0, ms, 100):
            self.node.timers.advance(100)

    # -- a step of one producer

    def step(self) -> None:
        producer = self.random.choice(self.producers)
        try:
            if self.random.random() < 0.1:
                self.pass_time(self.random.choice((100, 500, TIMEOUT_MS)))
            elif producer.identity is None:
                self.start(producer)
            elif producer.work is None:
                producer.work = Work(self.count)
                self.count += 1
            else:
                self.work(producer, producer.work)
        except KilledError:
            self.lose(producer)
            self.recover()

    def recover(self) -> None:
        """Start again until the node comes up: it may be killed while it completes what it finds."""
        while True:
            try:
                self.restart()
                self.pass_time(self.random.choice((0, 200)))
                return
            except KilledError:
                continue

    def start(self, producer: SimulatedProducer) -> None:
        error, identity = self.node.init(producer.name, timeout_ms=TIMEOUT_MS)
        if error is NONE:
            producer.identity, producer.sequences = identity, {}
        else:
            assert error is ErrorCode.CONCURRENT_TRANSACTIONS, error
            self.pass_time(100)

    def work(self, producer: SimulatedProducer, work: Work) -> None:
        chance = self.random.random()
        if chance < 0.6:
            error = self.produce(producer, work)
        elif chance < 0.75:
            error = self.commit_offset(producer, work)
        else:
            error = self.end(producer, work, commit=self.random.random() < 0.7)
        if error is not NONE and error is not ErrorCode.CONCURRENT_TRANSACTIONS:
            self.lose(producer)

    def produce(self, producer: SimulatedProducer, work: Work) -> ErrorCode:
        partition = self.random.randrange(PARTITIONS)
        assert producer.identity is not None
        if not producer.second_version:
            error = self.node.add(producer.name, producer.identity, "t", partition)
            if error is not NONE:
                return error
        values = [f"{work.number}:{self.random.randrange(10**6)}".encode() for _ in range(self.random.randrange(1, 4))]
        sequence = producer.sequences.get(partition, 0)
        error = self.node.write(
            producer.name,
            producer.identity,
            sequence,
            *values,
            partition=partition,
            version=producer.versions["produce"],
        )
        if error is NONE:
            producer.sequences[partition] = sequence + len(values)
            work.values.setdefault(partition, []).extend(values)
        return error

    def commit_offset(self, producer: SimulatedProducer, work: Work) -> ErrorCode:
        assert producer.identity is not None
        if not producer.second_version:
            error = self.node.add_offsets(producer.name, producer.identity, producer.group)
            if error is not NONE:
                return error
        offset = work.number
        error = self.node.commit_offset(
            producer.name, producer.identity, producer.group, offset, version=producer.versions["commit"]
        )
        if error is NONE:
            work.offset = offset
        return error

    def end(self, producer: SimulatedProducer, work: Work, *, commit: bool) -> ErrorCode:
        assert producer.identity is not None
        if not work.values and work.offset is None:
            return NONE
        work.asked_to_commit = commit
        error, identity = self.node.end(
            producer.name, producer.identity, commit=commit, version=producer.versions["end"]
        )
        if error is NONE:
            work.committed = commit
            self.finished.append((producer, work))
            producer.work = None
            if identity != producer.identity:
                producer.identity, producer.sequences = identity, {}
        return error

    def lose(self, producer: SimulatedProducer) -> None:
        """The client gives up what it was doing: without an answer to a commit nobody knows what it became."""
        producer.identity = None
        if producer.work is not None:
            work, producer.work = producer.work, None
            if not work.asked_to_commit:
                work.committed = False
            self.finished.append((producer, work))

    # -- the end

    def finish(self) -> None:
        while True:
            try:
                for producer in self.producers:
                    self.lose(producer)
                self.pass_time(TIMEOUT_MS + 12_000)
                break
            except KilledError:
                self.recover()
        self.node.clock.ms += 1

    def check(self) -> None:
        for partition in range(PARTITIONS):
            log = self.node.partition("t", partition).log
            assert log.last_stable_offset == log.log_end_offset, "NothingHangs"
        visible = [set(self.node.committed_values("t", partition)) for partition in range(PARTITIONS)]
        offsets: dict[str, int] = {}
        for producer, work in self.finished:
            there = [value in visible[partition] for partition, values in work.values.items() for value in values]
            assert len(set(there)) <= 1, f"AllOrNothing: {work}"
            if work.committed is not None and there:
                assert there[0] is work.committed, f"NoCommitLost: {work}"
            committed = work.committed if work.committed is not None or not there else there[0]
            if work.offset is not None:
                if committed:
                    offsets[producer.group] = work.offset
                elif committed is None:  # an offset alone, and no answer: either may stand
                    offsets.setdefault(producer.group, -1)
                    offsets[producer.group] = -2
        for group, offset in offsets.items():
            found = self.node.committed_offset(group)
            assert not isinstance(found, ErrorCode), f"NothingHangs: {found.name}"
            assert offset == -2 or found == offset, f"AllOrNothing: offset {found} of {group}, not {offset}"


def transactions(seed: int, directory: Path) -> str:
    world = World(seed, directory)
    for _ in range(STEPS):
        world.step()
    world.finish()
    world.check()
    assert world.count > 5
    return f"{world.count} {world.kills} {[work.committed for _, work in world.finished]}"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_transaction_is_seen_whole_or_not_at_all(seed: int, tmp_path: Path) -> None:
    transactions(seed, tmp_path)
