"""Reads see the state as of the last committed record: the same as a shard that has replayed no more than that."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.unit.coordinator.consumer_groups import ConsumerDriver
from tests.unit.coordinator.test_consumer_group_simulation import World

from ottla.coordinator.group.offsets import OffsetAndMetadata
from ottla.coordinator.group.records import decode_record, offset_commit_record, offset_commit_tombstone
from ottla.coordinator.uncommitted import Uncommitted
from ottla.protocol.api.offset_fetch import OffsetFetchRequestGroup

if TYPE_CHECKING:
    from ottla.coordinator.group.shard import GroupShard
    from ottla.coordinator.result import CoordinatorRecord

GROUPS = ("g", "simple", "other")
TRANSACTIONS = (7, 8)
NO_PRODUCER = -1


def test_the_oldest_note_counts_until_it_is_committed() -> None:
    uncommitted: Uncommitted[str, int | None] = Uncommitted()
    uncommitted.note("a", 5, None)
    uncommitted.note("a", 7, 1)
    uncommitted.note("a", 7, 2)
    uncommitted.note("b", 8, 3)
    assert uncommitted.committed("a", 4) is None
    uncommitted.settle(5)
    assert uncommitted.committed("a", 4) is None
    uncommitted.settle(6)
    assert (uncommitted.committed("a", 4), uncommitted.changed()) == (1, ["a", "b"])
    uncommitted.settle(8)
    assert (uncommitted.committed("a", 4), uncommitted.committed("b", 9)) == (4, 3)
    uncommitted.settle(9)
    assert not uncommitted


class Step:
    """A batch: records of one producer, or a marker (`commit`)."""

    def __init__(self, records: list[CoordinatorRecord], producer_id: int = NO_PRODUCER) -> None:
        self.records, self.producer_id = records, producer_id
        self.commit: bool | None = None

    @property
    def size(self) -> int:
        return max(1, len(self.records))

    def replay(self, shard: GroupShard, base_offset: int) -> None:
        if self.commit is not None:
            shard.replay_end_transaction(self.producer_id, commit=self.commit)
        for delta, record in enumerate(self.records):
            shard.replay(record, base_offset + delta, self.producer_id)


def steps_of(random: Random, log: list[CoordinatorRecord]) -> list[Step]:
    """What members have written, among offsets that are committed, deleted, and committed in transactions."""
    steps: list[Step] = []
    position = 0
    while position < len(log):
        size = random.randint(1, 4)
        steps.append(Step(log[position : position + size]))
        position += size
        choice = random.random()
        group, partition = random.choice(GROUPS), random.randrange(3)
        offset = OffsetAndMetadata(random.randrange(1_000), -1, "", 0)
        commit = offset_commit_record(group, "t", partition, offset)
        if choice < 0.4:
            steps.append(Step([commit]))
        elif choice < 0.55:
            steps.append(Step([offset_commit_tombstone(group, "t", partition)]))
        elif choice < 0.8:
            steps.append(Step([commit], random.choice(TRANSACTIONS)))
        else:
            marker = Step([], random.choice(TRANSACTIONS))
            marker.commit = random.random() < 0.7
            steps.append(marker)
    return steps


def seen(shard: GroupShard) -> object:
    offsets = [
        shard.fetch_offsets(OffsetFetchRequestGroup(group_id=group, topics=None), require_stable=False)
        for group in GROUPS
    ]
    return (
        {
            (answer.group_id, topic.name, each.partition_index, each.committed_offset)
            for answer in offsets
            for topic in answer.topics
            for each in topic.partitions
        },
        [shard.describe_consumer_group(group) for group in GROUPS],
        sorted((each.group_id, each.group_state, each.group_type) for each in shard.list_groups([], [])),
    )


@pytest.mark.parametrize("seed", range(12))
def test_reads_see_what_is_committed(seed: int) -> None:
    random = Random(seed)
    world = World(seed, 3)
    for _ in range(80):
        world.step()
    log = [record for key, value in world.driver.log if (record := decode_record(key, value)) is not None]
    newest, committed = (ConsumerDriver({"t": 4, "u": 3}).shard for _ in range(2))
    ends: list[int] = []
    end = done = 0
    steps = steps_of(random, log)
    for step in steps:
        newest.uncommitted_at = end
        step.replay(newest, end)
        end += step.size
        ends.append(end)
        while done < len(ends) and random.random() < 0.5:
            steps[done].replay(committed, ends[done - 1] if done else 0)
            done += 1
        newest.settle(ends[done - 1] if done else 0)
        assert seen(newest) == seen(committed), f"seed {seed}"
