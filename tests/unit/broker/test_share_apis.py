"""ShareFetch and ShareAcknowledge against real logs and a real share coordinator: sessions, parking, restarts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.groups import PARTITIONS, GroupNode
from tests.unit.broker.replicas import batch

from ottla.broker.apis.share_acknowledge import ShareAcknowledgeHandler
from ottla.broker.apis.share_fetch import ShareFetchHandler
from ottla.broker.coordinator.marker import Marker
from ottla.broker.coordinator.share_coordinator import SHARE_STATE_TOPIC
from ottla.broker.request_context import ClientConnection, RequestContext
from ottla.broker.share.group_configs import GROUP_RESOURCE, ShareGroupConfigs
from ottla.broker.share.share_parts import ShareParts, make_share_parts
from ottla.coordinator.share.share_partition_state import SharePartitionKey
from ottla.log.append_result import AppendOrigin
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE
from ottla.protocol.api import share_acknowledge as acknowledging
from ottla.protocol.api import share_fetch as fetching
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import iterate_batches

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from pathlib import Path

    from ottla.protocol.message import MetadataRecord

ACCEPT, RELEASE, REJECT = 1, 2, 3
LOCK_MS = 30_000


class ShareNode(GroupNode):
    """A node with one topic `t` of one partition, and the state of group `g` begun in it."""

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(directory, settings)
        self.replay(FeatureLevelRecord(name="share.version", feature_level=1))
        self.topic_id = self.create_topic("t")
        self.create_topic(SHARE_STATE_TOPIC, PARTITIONS)
        self.set_config("share.auto.offset.reset", "earliest")
        self.share = self.start_share()
        assert self.share.states.initialize(SharePartitionKey("g", self.topic_id, 0), 1, -1) is None

    def replay(self, *records: MetadataRecord) -> None:
        before = self.manager.image
        super().replay(*records)
        share: ShareParts | None = getattr(self, "share", None)
        if share is not None:
            delta = MetadataDelta(before)
            for record in records:
                delta.replay(record)
            share.on_metadata(delta, self.manager.image)

    def produce_transaction(self, topic: str, value: bytes, *, commit: bool) -> None:
        self.producer_epoch = getattr(self, "producer_epoch", 0) + 1
        data = batch(value, producer_id=7, producer_epoch=self.producer_epoch, base_sequence=0, transactional=True)
        origin = AppendOrigin.COORDINATOR
        assert self.manager.append(topic, 0, data, origin=origin).error is ErrorCode.NONE
        marker = Marker(7, self.producer_epoch, 0, commit, 1).batch(self.clock.now_ms())
        assert self.manager.append_marker(topic, 0, marker, 1).error is ErrorCode.NONE

    def set_config(self, name: str, value: str) -> None:
        self.replay(ConfigRecord(resource_type=GROUP_RESOURCE, resource_name="g", name=name, value=value))

    def start_share(self) -> ShareParts:
        """As after a restart of the node."""
        assert self.coordinator is not None
        share = make_share_parts(
            self.config,
            self.manager,
            self.coordinator,
            ShareGroupConfigs(self.config, lambda: self.manager.image),
            self.clock,
            self.timers,
            self.create_internal_topic,
            self.reports.append,
        )
        everything = MetadataDelta(EMPTY_IMAGE)
        for record in self._records:
            everything.replay(record)
        share.on_metadata(everything, self.manager.image)
        self.load()
        self.share_fetch = ShareFetchHandler(share.partitions, self.manager, self.timers, 57_671_680)
        self.share_acknowledge = ShareAcknowledgeHandler(share.partitions, self.manager)
        return share

    def restart(self) -> None:
        self.share.close()
        self.share = self.start_share()


class Member:
    def __init__(self, node: ShareNode, name: str) -> None:
        self.node = node
        self.name = name
        self.epoch = 0
        self.connection = ClientConnection(client_host="127.0.0.1", client_port=1, listener="PLAINTEXT")

    def disconnect(self) -> None:
        for told in list(self.connection.on_closed.values()):
            told()

    def ask(
        self, *acknowledgements: tuple[int, int, int], epoch: int | None = None, max_wait_ms: int = 500
    ) -> fetching.ShareFetchResponse | Awaitable[fetching.ShareFetchResponse]:
        batches = [
            fetching.AcknowledgementBatch(first_offset=first, last_offset=last, acknowledge_types=[kind])
            for first, last, kind in acknowledgements
        ]
        partition = fetching.FetchPartition(partition_index=0, acknowledgement_batches=batches)
        request = fetching.ShareFetchRequest(
            group_id="g",
            member_id=self.name,
            share_session_epoch=self.epoch if epoch is None else epoch,
            max_wait_ms=max_wait_ms,
            min_bytes=1,
            max_records=100,
            batch_size=100,
            topics=[fetching.FetchTopic(topic_id=self.node.topic_id, partitions=[partition])],
            forgotten_topics_data=[],
        )
        self.epoch += 1
        return self.node.share_fetch(RequestContext(78, 2, 1, "client", self.connection), request)

    def fetch(self, *acknowledgements: tuple[int, int, int], epoch: int | None = None) -> dict[int, int]:
        """Offset -> delivery count of what is acquired at once."""
        answer = self.ask(*acknowledgements, epoch=epoch, max_wait_ms=0)
        assert isinstance(answer, fetching.ShareFetchResponse)
        assert answer.error_code == ErrorCode.NONE, ErrorCode(answer.error_code)
        return acquired(answer)

    def acknowledge(self, first: int, last: int, kind: int) -> ErrorCode:
        batch = acknowledging.AcknowledgementBatch(first_offset=first, last_offset=last, acknowledge_types=[kind])
        partition = acknowledging.AcknowledgePartition(partition_index=0, acknowledgement_batches=[batch])
        request = acknowledging.ShareAcknowledgeRequest(
            group_id="g",
            member_id=self.name,
            share_session_epoch=self.epoch,
            topics=[acknowledging.AcknowledgeTopic(topic_id=self.node.topic_id, partitions=[partition])],
        )
        self.epoch += 1
        answer = self.node.share_acknowledge(RequestContext(79, 2, 1, "client", self.connection), request)
        assert isinstance(answer, acknowledging.ShareAcknowledgeResponse)
        assert answer.error_code == ErrorCode.NONE, ErrorCode(answer.error_code)
        return ErrorCode(answer.responses[0].partitions[0].error_code)


def acquired(answer: fetching.ShareFetchResponse) -> dict[int, int]:
    """What the member got, having checked that the records are there."""
    result: dict[int, int] = {}
    for topic in answer.responses:
        for data in topic.partitions:
            assert data.error_code == data.acknowledge_error_code == ErrorCode.NONE, data
            assert isinstance(data.records, bytes | memoryview)
            there = {
                record.offset
                for position, header in iterate_batches(data.records)
                for record in iterate_records(data.records, position, header)
            }
            for each in data.acquired_records:
                offsets = range(each.first_offset, each.last_offset + 1)
                assert there.issuperset(offsets)
                result |= dict.fromkeys(offsets, each.delivery_count)
    return result


@pytest.fixture
def node(tmp_path: Path) -> ShareNode:
    return ShareNode(tmp_path)


async def test_what_is_accepted_is_never_seen_again_restart_or_not(node: ShareNode) -> None:
    node.append("t", *[b"x"] * 6)
    member = Member(node, "a")
    assert member.fetch() == dict.fromkeys(range(6), 1)
    assert member.acknowledge(0, 2, ACCEPT) is ErrorCode.NONE
    assert member.acknowledge(4, 4, REJECT) is ErrorCode.NONE
    assert member.acknowledge(0, 2, ACCEPT) is ErrorCode.NONE  # before the start: done
    assert member.acknowledge(4, 4, ACCEPT) is ErrorCode.INVALID_RECORD_STATE
    node.restart()
    again = Member(node, "a")
    assert again.fetch() == {3: 1, 5: 1}
    assert again.fetch((3, 3, RELEASE), (5, 5, ACCEPT)) == {3: 2}
    node.restart()
    assert Member(node, "b").fetch() == {3: 2}


async def test_records_of_a_member_whose_connection_is_gone_are_anothers(node: ShareNode) -> None:
    node.append("t", *[b"x"] * 3)
    gone, other = Member(node, "gone"), Member(node, "other")
    assert gone.fetch() == {0: 1, 1: 1, 2: 1}
    assert other.fetch() == {}
    waiting = other.ask()
    assert isinstance(waiting, asyncio.Future)
    gone.disconnect()
    assert acquired(await asyncio.wait_for(waiting, 60)) == {0: 2, 1: 2, 2: 2}
    assert len(node.share.partitions.sessions) == 1
    other.disconnect()
    assert len(node.share.partitions.sessions) == 0


async def test_a_parked_fetch_is_woken_by_an_append_and_by_a_lock_that_expires(node: ShareNode) -> None:
    member, other = Member(node, "a"), Member(node, "b")
    waiting = member.ask()
    assert isinstance(waiting, asyncio.Future)
    node.append("t", b"x", b"y")
    assert acquired(await asyncio.wait_for(waiting, 60)) == {0: 1, 1: 1}
    waiting = other.ask(max_wait_ms=LOCK_MS * 2)
    assert isinstance(waiting, asyncio.Future)
    assert member.acknowledge(0, 0, ACCEPT) is ErrorCode.NONE
    node.timers.advance(LOCK_MS)
    assert acquired(await asyncio.wait_for(waiting, 60)) == {1: 2}
    assert member.acknowledge(1, 1, ACCEPT) is ErrorCode.INVALID_RECORD_STATE


async def test_a_fetch_waits_no_longer_than_it_asks_and_leaves_nothing_behind(node: ShareNode) -> None:
    member = Member(node, "a")
    waiting = member.ask(max_wait_ms=500)
    assert isinstance(waiting, asyncio.Future)
    partition = node.partition("t")
    assert len(partition.listeners) == 1
    node.timers.advance(500)
    assert acquired(await asyncio.wait_for(waiting, 60)) == {}
    await asyncio.sleep(0)  # what a done future leads to is called in the next turn of the loop
    assert not partition.listeners
    cancelled = member.ask()
    assert isinstance(cancelled, asyncio.Future)
    cancelled.cancel()
    await asyncio.sleep(0)
    assert not partition.listeners


async def test_sessions_are_bounded_and_end_with_the_last_epoch(tmp_path: Path) -> None:
    node = ShareNode(tmp_path, {"group.share.max.share.sessions": "1"})
    node.append("t", b"x")
    member, refused = Member(node, "a"), Member(node, "b")
    assert member.fetch() == {0: 1}
    answer = refused.ask()
    assert isinstance(answer, fetching.ShareFetchResponse)
    assert answer.error_code == ErrorCode.SHARE_SESSION_LIMIT_REACHED
    assert member.fetch(epoch=-1) == {}
    assert Member(node, "b").fetch() == {0: 2}


async def test_a_deleted_topic_ends_what_waits_for_it(node: ShareNode) -> None:
    waiting = Member(node, "a").ask()
    assert isinstance(waiting, asyncio.Future)
    node.delete_topic(node.topic_id)
    answer = await asyncio.wait_for(waiting, 60)
    assert answer.responses[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


async def test_a_state_that_is_begun_anew_fences_the_leader_once(node: ShareNode) -> None:
    node.append("t", *[b"x"] * 4)
    member = Member(node, "a")
    assert member.fetch() == dict.fromkeys(range(4), 1)
    assert node.share.states.initialize(SharePartitionKey("g", node.topic_id, 0), 2, 2) is None
    assert member.acknowledge(0, 0, ACCEPT) is ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert member.fetch() == {2: 1, 3: 1}


async def test_aborted_records_and_markers_are_for_nobody(node: ShareNode) -> None:
    node.set_config("share.isolation.level", "read_committed")
    node.append("t", b"plain")
    node.produce_transaction("t", b"aborted", commit=False)
    node.produce_transaction("t", b"kept", commit=True)
    node.append("t", b"last")
    member = Member(node, "a")
    got: dict[int, int] = {}
    for _ in range(4):
        got |= member.fetch()
    assert sorted(got) == [0, 3, 5]
    assert member.acknowledge(0, 0, ACCEPT) is ErrorCode.NONE
    assert member.acknowledge(3, 3, ACCEPT) is ErrorCode.NONE
    assert member.acknowledge(5, 5, ACCEPT) is ErrorCode.NONE
    state = node.share.states.read_summary(SharePartitionKey("g", node.topic_id, 0))
    assert (getattr(state, "start_offset", None), getattr(state, "delivery_complete_count", None)) == (5, 1)
