"""A leader of three: the high watermark, fetches and what they say, resigning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.raft.replicas import CLUSTER_ID, FakeLog, FakeSnapshots, Replica, key, replied, sent
from tests.unit.raft.test_votes import elected

from ottla.protocol.api.end_quorum_epoch import EndQuorumEpochRequest
from ottla.protocol.api.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
    ReplicaState,
)
from ottla.protocol.api.fetch_snapshot import (
    FetchSnapshotRequest,
    FetchSnapshotRequestPartitionSnapshot,
    FetchSnapshotRequestTopicSnapshot,
    FetchSnapshotResponse,
)
from ottla.protocol.api.fetch_snapshot import SnapshotId as WireSnapshotId
from ottla.protocol.errors import ErrorCode
from ottla.raft.batches import read_batches
from ottla.raft.effects import AdvanceHighWatermark
from ottla.raft.peer_effects import LeaderChanged, Reply
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.state import Leader, Resigned

if TYPE_CHECKING:
    from ottla.raft.effects import Effect

TOPIC_ID = bytes(15) + b"\x01"


def fetch(
    replica: int, epoch: int, offset: int, last_epoch: int, *, wait_ms: int = 0, high_watermark: int = 1 << 62
) -> FetchRequest:
    partition = FetchPartition(
        partition=0,
        current_leader_epoch=epoch,
        fetch_offset=offset,
        last_fetched_epoch=last_epoch,
        partition_max_bytes=0,
        replica_directory_id=key(replica).directory_id,
        high_watermark=high_watermark,
    )
    return FetchRequest(
        cluster_id=CLUSTER_ID,
        replica_state=ReplicaState(replica_id=replica),
        max_wait_ms=wait_ms,
        min_bytes=0,
        topics=[FetchTopic(topic_id=TOPIC_ID, partitions=[partition])],
    )


def answer(effects: list[Effect]) -> PartitionData:
    [topic] = replied(effects, FetchResponse).responses
    [partition] = topic.partitions
    return partition


def leader(log: FakeLog | None = None, snapshots: FakeSnapshots | None = None) -> Replica:
    replica = Replica(log=log, snapshots=snapshots)
    elected(replica)
    replica.sync()
    assert isinstance(replica.quorum.role, Leader)
    return replica


def test_what_a_majority_has_on_disk_is_committed() -> None:
    replica = leader()
    epoch, start = replica.quorum.epoch, replica.quorum.log_end_offset
    assert answer(replica.ask(fetch(2, epoch, start, epoch))).high_watermark == start
    replica.append(b"a", b"b")
    assert replica.quorum.high_watermark == start, "the leader's disk is not a majority, and does not have it yet"
    effects = replica.ask(fetch(2, epoch, start, epoch))
    records = answer(effects).records
    assert isinstance(records, memoryview)
    assert [list(batch.values) for batch in read_batches(records)] == [[b"a", b"b"]]
    assert AdvanceHighWatermark(start + 2) not in replica.ask(fetch(2, epoch, start + 2, epoch))
    assert AdvanceHighWatermark(start + 2) in replica.sync()


def test_two_followers_commit_what_the_leader_has_not_on_disk_yet() -> None:
    replica = leader()
    epoch = replica.quorum.epoch
    replica.append(b"a")
    end = replica.quorum.log_end_offset
    replica.ask(fetch(2, epoch, end, epoch))
    assert AdvanceHighWatermark(end) in replica.ask(fetch(3, epoch, end, epoch))


def test_records_of_older_epochs_are_committed_with_one_of_this_epoch() -> None:
    """Raft, figure 8: a majority that has them is not enough."""
    replica = leader(FakeLog.of((1, 3)))
    epoch = replica.quorum.epoch
    assert epoch == 2
    assert not [e for e in replica.ask(fetch(2, epoch, 3, 1)) if isinstance(e, AdvanceHighWatermark)]
    assert not [e for e in replica.ask(fetch(3, epoch, 3, 1)) if isinstance(e, AdvanceHighWatermark)]
    assert AdvanceHighWatermark(4) in replica.ask(fetch(2, epoch, 4, 2))


def test_observers_do_not_count() -> None:
    replica = leader()
    epoch, end = replica.quorum.epoch, replica.quorum.log_end_offset
    for observer in (7, 8, 9):
        assert answer(replica.ask(fetch(observer, epoch, end, epoch))).high_watermark == -1
    wiped = fetch(2, epoch, end, epoch)
    wiped.topics[0].partitions[0].replica_directory_id = bytes(15) + b"\x07"
    assert answer(replica.ask(wiped)).high_watermark == -1, "another disk of a voter's node is no voter"
    role = replica.quorum.role
    assert isinstance(role, Leader)
    assert len(role.observers) == 4


def test_a_fetch_waits_for_news() -> None:
    replica = leader()
    epoch, end = replica.quorum.epoch, replica.quorum.log_end_offset
    replica.ask(fetch(2, epoch, end, epoch))
    effects = replica.ask(fetch(2, epoch, end, epoch, wait_ms=500, high_watermark=end))
    assert not [effect for effect in effects if isinstance(effect, Reply)]
    replica.append(b"a")
    assert answer(replica.until_due()).records
    end = replica.quorum.log_end_offset
    replica.ask(fetch(2, epoch, end, epoch, wait_ms=500, high_watermark=end - 1))
    assert answer(replica.sync()).high_watermark == end, "a new high watermark is news (KIP-1166)"
    replica.ask(fetch(2, epoch, end, epoch, wait_ms=500, high_watermark=end))
    assert not [effect for effect in replica.after(499) if isinstance(effect, Reply)]
    assert not answer(replica.after(1)).records
    replica.ask(fetch(2, epoch, end, epoch, wait_ms=500, high_watermark=end))
    replica.quorum.forget_request(replica._token)
    assert not [effect for effect in replica.after(1000) if isinstance(effect, Reply)]


def test_fetches_of_another_time() -> None:
    replica = leader()
    epoch = replica.quorum.epoch
    assert answer(replica.ask(fetch(2, epoch - 1, 0, 0))).error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert answer(replica.ask(fetch(2, epoch + 1, 0, 0))).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
    assert answer(replica.ask(fetch(2, epoch, -1, 0))).error_code == ErrorCode.INVALID_REQUEST
    assert answer(replica.ask(fetch(2, epoch, 0, epoch + 1))).error_code == ErrorCode.INVALID_REQUEST
    assert answer(replica.ask(fetch(1, epoch, 0, 0))).error_code == ErrorCode.INVALID_REQUEST, "from ourselves"
    follower = Replica()
    found = answer(follower.ask(fetch(2, 0, 0, 0)))
    assert (found.error_code, found.current_leader.leader_id) == (ErrorCode.NOT_LEADER_OR_FOLLOWER, -1)
    other = fetch(2, epoch, 0, 0)
    other.cluster_id = "other"
    assert replied(replica.ask(other), FetchResponse).error_code == ErrorCode.INCONSISTENT_CLUSTER_ID


@pytest.mark.parametrize(
    ("offset", "last_epoch", "diverging"),
    [(10, 3, None), (14, 3, (3, 12)), (9, 2, (1, 5)), (3, 1, None), (7, 1, (1, 5)), (5, 1, None), (2, 0, (0, 0))],
)
def test_where_histories_part(offset: int, last_epoch: int, diverging: tuple[int, int] | None) -> None:
    """Epoch 1 ends at 5, epoch 3 at 12; there is no epoch 2."""
    replica = leader(FakeLog.of((1, 5), (3, 7)))
    partition = answer(replica.ask(fetch(2, replica.quorum.epoch, offset, last_epoch)))
    found = (partition.diverging_epoch.epoch, partition.diverging_epoch.end_offset)
    assert found == (diverging or (-1, -1))
    assert bool(partition.records) is (diverging is None)


def test_who_is_too_far_behind_gets_a_snapshot() -> None:
    log = FakeLog.of((3, 10))
    log.start_offset, log.epochs = 5, [(3, 5)]
    snapshots = FakeSnapshots({SnapshotId(5, 3): b"older", SnapshotId(8, 3): b"the state"})
    replica = leader(log, snapshots)
    epoch = replica.quorum.epoch
    for offset, last_epoch in ((0, 0), (4, 3), (5, 2), (7, 2)):
        named = answer(replica.ask(fetch(2, epoch, offset, last_epoch))).snapshot_id
        assert (named.end_offset, named.epoch) == (8, 3)
    assert answer(replica.ask(fetch(2, epoch, 5, 3))).snapshot_id.epoch == -1
    assert _piece(replica, epoch, (8, 3), 0, 4) == (ErrorCode.NONE, b"the ", 9)
    assert _piece(replica, epoch, (8, 3), 4, 100) == (ErrorCode.NONE, b"state", 9)
    assert _piece(replica, epoch, (8, 3), 9, 1)[0] == ErrorCode.POSITION_OUT_OF_RANGE
    assert _piece(replica, epoch, (7, 3), 0, 1)[0] == ErrorCode.SNAPSHOT_NOT_FOUND
    assert _piece(replica, epoch - 1, (8, 3), 0, 1)[0] == ErrorCode.FENCED_LEADER_EPOCH


def _piece(replica: Replica, epoch: int, name: tuple[int, int], position: int, size: int) -> tuple[int, bytes, int]:
    partition = FetchSnapshotRequestPartitionSnapshot(
        partition=0,
        current_leader_epoch=epoch,
        snapshot_id=WireSnapshotId(end_offset=name[0], epoch=name[1]),
        position=position,
        replica_directory_id=key(2).directory_id,
    )
    request = FetchSnapshotRequest(
        cluster_id=CLUSTER_ID,
        replica_id=2,
        max_bytes=size,
        topics=[FetchSnapshotRequestTopicSnapshot(name="__cluster_metadata", partitions=[partition])],
    )
    [topic] = replied(replica.ask(request), FetchSnapshotResponse).topics
    data = topic.partitions[0].unaligned_records
    assert isinstance(data, memoryview)
    return topic.partitions[0].error_code, bytes(data), topic.partitions[0].size


def test_a_leader_that_nobody_follows_resigns() -> None:
    replica = leader()
    epoch, end = replica.quorum.epoch, replica.quorum.log_end_offset
    for _ in range(5):
        replica.after(2000)
        replica.ask(fetch(3, epoch, end, epoch))
    assert replica.quorum.is_leader, "one of two others is enough"
    effects = replica.after(3000)
    assert isinstance(replica.quorum.role, Resigned)
    assert LeaderChanged(-1, epoch) in effects
    told = sent(effects, EndQuorumEpochRequest)
    assert len(told) == 2
    candidates = told[0][1].topics[0].partitions[0].preferred_candidates
    assert [candidate.candidate_id for candidate in candidates] == [3, 2], "who is furthest comes first"


def test_a_leader_hands_over_when_it_stops() -> None:
    replica = leader()
    assert not replica.quorum.may_stop
    replica.ask(fetch(2, replica.quorum.epoch, replica.quorum.log_end_offset, replica.quorum.epoch, wait_ms=500))
    effects = replica._done(replica.quorum.shut_down(replica.now))
    assert len(sent(effects, EndQuorumEpochRequest)) == 2
    assert answer(effects).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER, "who waits is told"
    assert not replica.quorum.may_stop
    single = Replica(voters=Replica().quorum.history.voters.without(key(2)), node_id=9)
    assert single.quorum.may_stop
