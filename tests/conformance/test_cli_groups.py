"""`ottla groups` for every type of group; on Apache Kafka too (OTTLA_TEST_PEER)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from tests.conformance.heartbeats import LEAVE, StreamsGroupMember, heartbeat
from tests.peers.ottla_cli import InProcessCli
from tests.peers.process import wait_for

from ottla.protocol.api.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse
from ottla.protocol.api.share_group_heartbeat import ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse

if TYPE_CHECKING:
    from tests.peers.process import NodeProcess


@pytest.fixture(scope="module")
def ottla(node: NodeProcess) -> InProcessCli:
    return InProcessCli(("--bootstrap", node.address))


def consumer(group: str, member: str, epoch: int, topic: str) -> ConsumerGroupHeartbeatRequest:
    return ConsumerGroupHeartbeatRequest(
        group_id=group,
        member_id=member,
        member_epoch=epoch,
        rebalance_timeout_ms=60_000,
        subscribed_topic_names=[topic],
        topic_partitions=[],
    )


def test_a_consumer_group(ottla: InProcessCli, node: NodeProcess) -> None:
    ottla.works("topics", "create", "gc-topic", "--partitions", "2")
    ottla.works("produce", "gc-topic", "--partition", "0", stdin="a\nb\n")
    member = str(uuid.uuid4())
    heartbeat(node, consumer("gc-group", member, 0, "gc-topic"), ConsumerGroupHeartbeatResponse)
    (described,) = ottla.json("groups", "describe", "gc-group")
    assert (described["type"], described["state"], described["epoch"] >= 1) == ("consumer", "Stable", True)
    assert [each["member_id"] for each in described["offsets"]] == [member, member]
    assert [each["end"] for each in described["offsets"]] == [2, 0]
    assert "2 partitions" in ottla.works("groups", "describe", "gc-group").out
    busy = ottla("groups", "reset-offsets", "gc-group", "--to", "end", "--topic", "gc-topic", "--execute")
    assert (busy.code, "stop them first" in busy.err) == (1, True)

    heartbeat(node, consumer("gc-group", member, LEAVE, "gc-topic"), ConsumerGroupHeartbeatResponse)
    ottla.works("groups", "reset-offsets", "gc-group", "--to", "1", "--topic", "gc-topic", "--execute")
    assert [each["lag"] for each in ottla.json("groups", "describe", "gc-group")[0]["offsets"]] == [1, 0]
    assert "gc-group" in ottla.works("groups", "list", "--type", "consumer", "--state", "empty").out
    assert "gc-group" not in ottla.works("groups", "list", "--type", "share", "--type", "streams").out
    near = ottla("groups", "delete-offsets", "gc-group", "gc-topc")
    assert (near.code, "Did you mean 'gc-topic'?" in near.err) == (1, True)
    ottla.works("groups", "delete-offsets", "gc-group", "gc-topic")
    assert ottla.json("groups", "describe", "gc-group")[0]["offsets"] == []
    ottla.works("groups", "delete", "gc-group")
    assert "Did you mean" not in ottla("groups", "describe", "gc-group").err


def test_a_share_group(ottla: InProcessCli, node: NodeProcess) -> None:
    ottla.works("topics", "create", "gs-topic", "--partitions", "1")
    ottla.works("produce", "gs-topic", stdin="a\nb\nc\n")
    member = str(uuid.uuid4())

    def share(epoch: int) -> ShareGroupHeartbeatRequest:
        return ShareGroupHeartbeatRequest(
            group_id="gs-group", member_id=member, member_epoch=epoch, subscribed_topic_names=["gs-topic"]
        )

    heartbeat(node, share(0), ShareGroupHeartbeatResponse)
    # The partition is handed out when its state is there.
    wait_for(
        lambda: heartbeat(node, share(0), ShareGroupHeartbeatResponse).assignment.topic_partitions,
        "the member to get its partition",
    )
    (described,) = ottla.json("groups", "describe", "gs-group")
    assert (described["type"], described["state"]) == ("share", "Stable")
    assert [each["member_id"] for each in described["members"]] == [member]
    assert described["members"][0]["assignment"] == [["gs-topic", 0]]
    assert "share group" in ottla.works("groups", "describe", "gs-group").out

    heartbeat(node, share(LEAVE), ShareGroupHeartbeatResponse)
    shown = ottla.json("groups", "reset-offsets", "gs-group", "--to", "1", "--topic", "gs-topic", "--execute")
    assert [each["after"] for each in shown] == [1]
    offsets = ottla.json("groups", "describe", "gs-group")[0]["offsets"]
    assert [(each["committed"], each["end"], each["lag"]) for each in offsets] == [(1, 3, 2)]
    ottla.works("groups", "delete-offsets", "gs-group", "gs-topic")
    ottla.works("groups", "delete", "gs-group")


def test_a_streams_group(ottla: InProcessCli, node: NodeProcess) -> None:
    ottla.works("topics", "create", "gt-topic", "--partitions", "2")
    member = StreamsGroupMember(node, "gt-group", "gt-topic")
    wait_for(member.join, "the member to get its tasks")
    (described,) = ottla.json("groups", "describe", "gt-group")
    assert described["type"] == "streams"
    assert described["members"][0]["tasks"] == ["0_0", "0_1"]
    assert [each["member_id"] for each in described["offsets"]] == [member.member_id] * 2
    assert "tasks 0_0, 0_1" in ottla.works("groups", "describe", "gt-group").out
    member.leave()
    ottla.works("groups", "delete", "gt-group")
