"""The quorum on several nodes: what is decided is everywhere, what was not committed nowhere; snapshots take over."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.quorums import Members

from ottla.broker.controller.quorum_shell import QuorumShell
from ottla.metadata.controller.result import ControllerResult
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.partition_record import PartitionRecord
from ottla.protocol.metadata_record.remove_topic_record import RemoveTopicRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.state import RaftError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.unit.broker.quorums import Member

    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.message import MetadataRecord


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    made = Members(tmp_path)
    yield made
    await made.close()
    for member in made.by_id.values():
        assert member.failures == []


def decide(member: Member, *records: MetadataRecord) -> asyncio.Future[None]:
    return member.controller.submit(
        lambda view: ControllerResult([VersionedRecord(record) for record in records], None)
    )


def topic(name: str, number: int) -> list[MetadataRecord]:
    topic_id = bytes([number]) * 16
    partition = PartitionRecord(
        partition_id=0,
        topic_id=topic_id,
        replicas=[1],
        isr=[1],
        removing_replicas=[],
        adding_replicas=[],
        leader=1,
        leader_epoch=0,
        partition_epoch=0,
        directories=[],
    )
    return [TopicRecord(name=name, topic_id=topic_id), partition]


def config(name: str, value: str | None) -> ConfigRecord:
    return ConfigRecord(resource_type=2, resource_name=name, name="retention.ms", value=value)


def told(image: MetadataImage) -> tuple[list[str], dict[str, str]]:
    configs = {name: values["retention.ms"] for (kind, name), values in image.configs.by_resource.items() if kind == 2}
    return sorted(image.topics.by_name), configs


async def test_a_controller_whose_time_to_resign_comes_while_it_begins_lets_another_one_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that stalls. The node goes on."""
    append = QuorumShell.append
    resigned: list[int] = []

    def resign_first(self: QuorumShell, values: Sequence[bytes]) -> int:
        if resigned:
            return append(self, values)
        resigned.append(self._quorum.epoch)
        self._execute(self._quorum.resign(self._quorum.epoch, self.now()))
        self._settle()
        raise RaftError("it was time to resign")

    monkeypatch.setattr(QuorumShell, "append", resign_first)
    members = Members(tmp_path)
    try:
        leader = await members.leader()
        answer = decide(leader, *topic("t", 1))
        await members.until(answer.done, "an answer")
        assert leader.quorum.leader_epoch > resigned[0]
        assert all(member.failures == [] for member in members.by_id.values())
    finally:
        await members.close()


async def test_what_is_decided_is_everywhere(members: Members) -> None:
    leader = await members.leader()
    seen: dict[int, list[MetadataImage]] = {node_id: [] for node_id in members.by_id}
    for node_id, member in members.by_id.items():
        member.quorum.subscribe(lambda delta, image, to=seen[node_id]: to.append(image))  # type: ignore[misc]
    answer = decide(leader, *topic("t", 1), config("t", "5"))
    assert not answer.done(), "nobody else has it yet"
    await members.until(answer.done, "an answer")
    assert told(leader.quorum.image) == (["t"], {"t": "5"})
    await members.agree()
    for member in members.by_id.values():
        assert told(member.quorum.image) == (["t"], {"t": "5"})
        assert member.quorum.leader_id == leader.node_id
        assert member.quorum.leader_endpoint() == ("member", leader.node_id)
        assert sorted(member.quorum.image.cluster.controllers) in ([leader.node_id], [1, 2, 3])
        offsets = [image.offset for image in seen[member.node_id]]
        assert offsets == sorted(offsets)


async def test_who_does_not_lead_decides_nothing(members: Members) -> None:
    leader = await members.leader()
    other = next(one for one in members.by_id.values() if one is not leader)
    with pytest.raises(KafkaError) as caught:
        await decide(other, config("t", "5"))
    assert caught.value.code is ErrorCode.NOT_CONTROLLER


async def test_what_was_not_committed_is_gone_with_the_leader(members: Members) -> None:
    """It is cut off from the others, decides, and learns that it has not led for long."""
    leader = await members.leader()
    assert await_done(decide(leader, config("kept", "1")), members) is not None
    await members.agree()
    others = [one.node_id for one in members.by_id.values() if one is not leader]
    members.cut = {(leader.node_id, other) for other in others} | {(other, leader.node_id) for other in others}
    lost = decide(leader, config("lost", "2"))
    after = await members.leader(other_than=leader)
    await members.until(lost.done, "the old leader gives up")
    error = lost.exception()
    assert isinstance(error, KafkaError)
    assert error.code is ErrorCode.NOT_CONTROLLER
    assert not leader.controller.is_active
    assert told(leader.quorum.image)[1] == {"kept": "1"}
    answer = decide(after, config("new", "3"))
    await members.until(answer.done, "an answer")
    members.cut.clear()
    await members.agree()
    assert [told(one.quorum.image)[1] for one in members.by_id.values()] == [{"kept": "1", "new": "3"}] * 3
    assert leader.quorum.leader_id == after.node_id


def await_done(answer: asyncio.Future[None], members: Members) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(members.until(answer.done, "an answer"))


async def test_everything_is_there_after_all_were_killed(members: Members) -> None:
    leader = await members.leader()
    for number in range(5):
        answer = decide(leader, *topic(f"t{number}", number + 1))
        await members.until(answer.done, "an answer")
    epoch = leader.quorum.leader_epoch
    for member in members.by_id.values():
        member.kill()
    for member in members.by_id.values():
        member.start()
    leader = await members.leader()
    assert leader.quorum.leader_epoch > epoch
    await members.agree()
    for member in members.by_id.values():
        assert told(member.quorum.image)[0] == [f"t{number}" for number in range(5)]


async def test_a_leader_that_stops_hands_over(members: Members) -> None:
    leader = await members.leader()
    closing = asyncio.get_running_loop().create_task(leader.controller.close())
    after = await members.leader(other_than=leader)
    await members.until(closing.done, "it has stopped", within_ms=1_000)
    leader.is_up = False
    answer = decide(after, config("t", "5"))
    await members.until(answer.done, "an answer")


async def test_the_last_of_a_quorum_does_not_wait_to_hand_over(members: Members) -> None:
    leader = await members.leader()
    for member in members.by_id.values():
        if member is not leader:
            member.kill()
    closing = asyncio.get_running_loop().create_task(leader.controller.close())
    await members.until(closing.done, "it has stopped", within_ms=500)
    leader.is_up = False


async def test_a_snapshot_takes_over_in_one_step(tmp_path: Path) -> None:
    """Who was away meanwhile is told at once what is gone, what is new and what has changed."""
    members = Members(tmp_path, snapshot_after_bytes=400)
    leader = await members.leader()
    for number in range(3):
        answer = decide(leader, *topic(f"t{number}", number + 1), config(f"t{number}", "1"))
        await members.until(answer.done, "an answer")
    await members.agree()
    away = next(one for one in members.by_id.values() if one is not leader)
    others = [one.node_id for one in members.by_id.values() if one is not away]
    members.cut = {(other, away.node_id) for other in others} | {(away.node_id, other) for other in others}
    steps: list[tuple[MetadataDelta, MetadataImage]] = []
    away.quorum.subscribe(lambda delta, image: steps.append((delta, image)))
    steps.clear()
    for record in (
        RemoveTopicRecord(topic_id=bytes([1]) * 16),
        config("t1", "2"),
        *topic("new", 9),
        *topic("t0", 10),
        config("t2", None),
    ):
        answer = decide(leader, record)
        await members.until(answer.done, "an answer")
    for number in range(30):
        answer = decide(leader, config("new", str(number)))
        await members.until(answer.done, "an answer")
    await members.run(50)
    members.cut.clear()
    await members.agree()
    delta, image = steps[0]
    assert {one.name for one in delta.deleted_topics.values()} == {"t0"}
    assert {one.name for one in delta.changed_topics.values()} == {"new", "t0"}
    assert {name for kind, name in delta.changed_configs if kind == 2} >= {"t0", "t1", "t2", "new"}
    assert told(image)[0] == ["new", "t0", "t1", "t2"]
    applied = delta.apply(offset=image.offset, epoch=image.epoch, timestamp_ms=image.timestamp_ms)
    assert (applied.topics, applied.configs, applied.features) == (image.topics, image.configs, image.features)
    assert told(away.quorum.image) == told(leader.quorum.image)
    found = [SnapshotId.from_file_name(path.name) for path in (away.directory / "__cluster_metadata-0").iterdir()]
    assert any(one is not None and one.end_offset > 0 for one in found)
    away.kill()
    away.start()
    await members.agree()
    assert told(away.quorum.image) == told(leader.quorum.image)
    await members.close()


async def test_who_lost_its_directory_is_the_same_voter_again(tmp_path: Path) -> None:
    members = Members(tmp_path)
    leader = await members.leader()
    answer = decide(leader, *topic("t", 1))
    await members.until(answer.done, "an answer")
    other = next(one for one in members.by_id.values() if one is not leader)
    other.kill()
    shutil.rmtree(other.directory / "__cluster_metadata-0")
    other.start()
    await members.agree()
    assert told(other.quorum.image)[0] == ["t"]
    assert other.quorum.raft.is_voter
    await members.close()
