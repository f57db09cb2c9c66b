"""How fast replicas may catch up (KIP-73), on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import NODE_ID, ManualClock, Replicas, at, batch, fetch_request, fetch_topic
from tests.unit.broker.test_leadership import AskedIsr, Follower

from ottla.broker.replica.fetcher.fetcher_state import FetcherSettings, FetcherState
from ottla.broker.replica.replication_quota import ReplicationQuota
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.protocol.api.fetch import FetchableTopicResponse, FetchResponse, PartitionData
from ottla.protocol.metadata_record.config_record import ConfigRecord

if TYPE_CHECKING:
    from pathlib import Path

WINDOW_MS = 1000
WINDOWS = 11
FAR_MS = WINDOWS * WINDOW_MS


def image(*configs: tuple[int, str, str, str]) -> MetadataImage:
    delta = MetadataDelta(EMPTY_IMAGE)
    for resource_type, resource, name, value in configs:
        delta.replay(ConfigRecord(resource_type=resource_type, resource_name=resource, name=name, value=value))
    return delta.apply(offset=0, epoch=0, timestamp_ms=0)


def quota(clock: ManualClock, *configs: tuple[int, str, str, str], side: str = "leader") -> ReplicationQuota:
    made = ReplicationQuota(side, NODE_ID, clock, windows=WINDOWS, window_ms=WINDOW_MS)
    made.update(image(*configs))
    return made


@pytest.mark.parametrize(
    ("listed", "named"),
    [("*", {0, 1, 2}), ("0:1,2:1", {0, 2}), ("0:2,1:3", set()), ("1:1,1:2", {1}), ("", set())],
)
def test_the_topic_names_the_replicas_of_each_broker(listed: str, named: set[int]) -> None:
    made = quota(ManualClock(), (2, "t", "leader.replication.throttled.replicas", listed))
    assert {index for index in range(3) if made.names("t", index)} == named
    assert not made.names("other", 0)


def test_the_rate_is_that_of_this_broker_or_of_all() -> None:
    clock = ManualClock()
    key = "leader.replication.throttled.rate"
    assert not quota(clock, (4, "7", key, "1")).is_exceeded
    for configs in ([(4, "", key, "10")], [(4, "1", key, "10"), (4, "", key, "1000000")]):
        made = quota(clock, *configs)
        made.record(1000)
        assert made.is_exceeded
        clock.ms += FAR_MS
        assert not made.is_exceeded


class TestLeader:
    @pytest.fixture
    def replicas(self, tmp_path: Path) -> Replicas:
        replicas = Replicas(tmp_path, isr_changes=AskedIsr())
        replicas.register_broker(2, 9093, epoch=20)
        replicas.replay(
            ConfigRecord(resource_type=4, resource_name="", name="leader.replication.throttled.rate", value="10")
        )
        return replicas

    def test_a_replica_that_catches_up_is_held_up(self, replicas: Replicas) -> None:
        configs = {"leader.replication.throttled.replicas": "*"}
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,), configs=configs)
        for _ in range(3):
            replicas.produce("t", batch(bytes(1000)), acks=1)
        two = Follower(replicas, 2, topic_id)
        assert two.fetch(0).records
        held_up = two.fetch(1)
        assert (held_up.partition_index, held_up.records) == (-1, b"")  # nothing is said of it
        replicas.clock.ms += 100 * FAR_MS
        assert two.fetch(None).records

    def test_one_in_sync_is_not(self, replicas: Replicas) -> None:
        configs = {"leader.replication.throttled.replicas": "*"}
        topic_id = replicas.create_topic("t", replicas=(1, 2), configs=configs)
        two = Follower(replicas, 2, topic_id)
        for offset in range(3):
            replicas.produce("t", batch(bytes(1000)), acks=1)
            assert two.fetch(offset).records

    def test_nor_one_that_is_not_named(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,))
        replicas.produce("t", batch(bytes(1000)), acks=1)
        replicas.produce("t", batch(bytes(1000)), acks=1)
        two = Follower(replicas, 2, topic_id)
        assert two.fetch(0).records
        assert two.fetch(1).records

    def test_consumers_are_not_meant(self, replicas: Replicas) -> None:
        configs = {"leader.replication.throttled.replicas": "*"}
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,), configs=configs)
        replicas.produce("t", batch(bytes(1000)), acks=1)
        Follower(replicas, 2, topic_id).fetch(0)
        answer = replicas.fetch_now(fetch_request(fetch_topic(topic_id, at(0))), 13)
        assert answer.responses[0].partitions[0].records


class TestFollower:
    def test_what_catches_up_is_not_asked_for_while_the_quota_is_exceeded(self, tmp_path: Path) -> None:
        replicas = Replicas(tmp_path, isr_changes=AskedIsr())
        topic_id = replicas.create_topic("t", 2, replicas=(1, 2), leader=2)
        made = quota(
            replicas.clock,
            (4, "", "follower.replication.throttled.rate", "10"),
            (2, "t", "follower.replication.throttled.replicas", "0:1"),
            side="follower",
        )
        state = FetcherState(
            FetcherSettings(NODE_ID), follower=replicas.manager, report=replicas.reports.append, quota=made
        )
        for index in (0, 1):
            state.follow(replicas.partition("t", index), replicas.clock.ms)

        def asked() -> list[int]:
            request = state.next_request(17, 0, replicas.clock.ms)
            assert request is not None
            return sorted(one.partition for topic in request.topics for one in topic.partitions)

        def answer(session_id: int) -> None:
            data = [
                PartitionData(
                    partition_index=index,
                    error_code=0,
                    high_watermark=5,
                    log_start_offset=0,
                    aborted_transactions=None,
                    records=batch(bytes(1000)) if replicas.partition("t", index).log.log_end_offset == 0 else b"",
                )
                for index in (0, 1)
            ]
            topics = [FetchableTopicResponse(topic_id=topic_id, partitions=data)]
            response = FetchResponse(session_id=session_id, responses=topics)
            state.answered(response, replicas.clock.ms, replicas.clock.ms)

        assert asked() == [0, 1]
        answer(1)
        assert asked() == [1]  # both have grown, and 0 has had enough
        answer(1)
        assert state.next_ready_ms() is not None
        replicas.clock.ms += 100 * FAR_MS
        assert asked() == [0]
