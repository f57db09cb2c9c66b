"""A follower of a leader: what it appends, cuts off, installs, and what it does not believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.raft.replicas import LISTENER, WALL_MS, FakeLog, FakeSnapshots, Replica, node, replied, sent, voter_set
from tests.unit.raft.test_votes import begin

from ottla.protocol.api.end_quorum_epoch import (
    EndQuorumEpochRequest,
    EndQuorumEpochRequestPartitionData,
    EndQuorumEpochRequestTopicData,
    EndQuorumEpochResponse,
    ReplicaInfo,
)
from ottla.protocol.api.fetch import (
    EpochEndOffset,
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    LeaderIdAndEpoch,
    PartitionData,
)
from ottla.protocol.api.fetch import SnapshotId as WireSnapshotId
from ottla.protocol.api.fetch_snapshot import (
    FetchSnapshotRequest,
    FetchSnapshotResponse,
    FetchSnapshotResponsePartitionSnapshot,
    FetchSnapshotResponseTopicSnapshot,
)
from ottla.protocol.api.fetch_snapshot import LeaderIdAndEpoch as SnapshotLeader
from ottla.protocol.api.fetch_snapshot import SnapshotId as PieceSnapshotId
from ottla.protocol.api.update_raft_voter import UpdateRaftVoterRequest
from ottla.protocol.api.vote import VoteRequest
from ottla.protocol.errors import ErrorCode
from ottla.raft.batches import control_batch, data_batch
from ottla.raft.effects import AdvanceHighWatermark, AppendBatch
from ottla.raft.peer_effects import InstallSnapshot, ReceiveSnapshot, SendRequest, TruncateLog
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.state import CommittedDataLostError, Follower, Prospective

if TYPE_CHECKING:
    from ottla.raft.effects import Effect

LEADER, EPOCH = 2, 5


def following(log: FakeLog | None = None) -> tuple[Replica, SendRequest]:
    """A follower, and its first fetch."""
    replica = Replica(log=log)
    [(asked, _)] = sent(replica.ask(begin(LEADER, EPOCH)), FetchRequest)
    return replica, asked


def fetched(
    *,
    records: bytes = b"",
    high_watermark: int = -1,
    diverging: tuple[int, int] = (-1, -1),
    snapshot: tuple[int, int] = (-1, -1),
    error: ErrorCode = ErrorCode.NONE,
    leader: int = LEADER,
    epoch: int = EPOCH,
) -> FetchResponse:
    partition = PartitionData(
        partition_index=0,
        error_code=error,
        high_watermark=high_watermark,
        diverging_epoch=EpochEndOffset(epoch=diverging[0], end_offset=diverging[1]),
        snapshot_id=WireSnapshotId(end_offset=snapshot[0], epoch=snapshot[1]),
        current_leader=LeaderIdAndEpoch(leader_id=leader, leader_epoch=epoch),
        aborted_transactions=None,
        records=memoryview(records),
    )
    return FetchResponse(responses=[FetchableTopicResponse(topic_id=bytes(15) + b"\x01", partitions=[partition])])


def next_fetch(effects: list[Effect]) -> tuple[SendRequest, int, int]:
    """(the request, its offset, its last epoch)"""
    [(asked, request)] = sent(effects, FetchRequest)
    [partition] = request.topics[0].partitions
    return asked, partition.fetch_offset, partition.last_fetched_epoch


def test_the_next_fetch_waits_for_the_disk() -> None:
    replica, asked = following()
    data = data_batch(0, 4, [b"a"], WALL_MS) + data_batch(1, EPOCH, [b"b", b"c"], WALL_MS)
    effects = replica.answer(asked, fetched(records=data, high_watermark=1))
    assert [e.epoch for e in effects if isinstance(e, AppendBatch)] == [4, EPOCH]
    assert AdvanceHighWatermark(1) in effects
    assert not sent(effects, FetchRequest)
    asked, offset, last_epoch = next_fetch(replica.sync())
    assert (offset, last_epoch) == (3, EPOCH)
    assert AdvanceHighWatermark(3) in replica.answer(asked, fetched(high_watermark=9)), "no more than what is here"


@pytest.mark.parametrize(
    "records",
    [
        data_batch(1, EPOCH, [b"a"], WALL_MS),
        data_batch(0, EPOCH + 1, [b"a"], WALL_MS),
        data_batch(0, EPOCH, [b"a"], WALL_MS)[:-1],
        data_batch(0, EPOCH, [b"a"], WALL_MS)[:-1] + b"?",
        b"\xff" * 100,
    ],
)
def test_batches_that_no_leader_sends_are_not_appended(records: bytes) -> None:
    replica, asked = following()
    effects = replica.answer(asked, fetched(records=records, high_watermark=1))
    assert not [effect for effect in effects if isinstance(effect, AppendBatch | AdvanceHighWatermark)]
    assert isinstance(replica.quorum.role, Follower)
    assert replica.quorum.log_end_offset == 0


def test_what_is_good_before_what_is_damaged_is_kept() -> None:
    replica, asked = following()
    good, bad = data_batch(0, 1, [b"a"], WALL_MS), bytearray(data_batch(1, 1, [b"b"], WALL_MS))
    bad[-1] ^= 1
    replica.answer(asked, fetched(records=good + bytes(bad)))
    assert replica.quorum.log_end_offset == 1


@pytest.mark.parametrize(
    ("diverging", "kept"), [((3, 7), 7), ((3, 99), 10), ((2, 6), 5), ((1, 2), 2), ((1, 9), 5), ((0, 0), 0)]
)
def test_what_the_leader_does_not_have_is_cut_off(diverging: tuple[int, int], kept: int) -> None:
    """Epoch 1 ends at 5, epoch 3 at 10, then comes epoch 4."""
    replica, asked = following(FakeLog.of((1, 5), (3, 5), (4, 2)))
    effects = replica.answer(asked, fetched(diverging=diverging))
    assert [effect for effect in effects if isinstance(effect, TruncateLog)] == [TruncateLog(kept)]
    _, offset, last_epoch = next_fetch(effects)
    assert (offset, last_epoch) == (kept, 3 if kept > 5 else 1 if kept else 0)


def test_what_is_committed_is_never_cut_off() -> None:
    replica, asked = following(FakeLog.of((1, 5)))
    asked, _, _ = next_fetch(replica.answer(asked, fetched(high_watermark=4)))
    with pytest.raises(CommittedDataLostError, match="below 4 is committed"):
        replica.answer(asked, fetched(diverging=(1, 3)))


def test_voters_count_when_appended_and_are_taken_back_when_cut_off() -> None:
    replica, asked = following(FakeLog.of((1, 2)))
    record = control_batch(2, 2, [voter_set(1, 2).to_record()], WALL_MS)
    replica.answer(asked, fetched(records=record))
    assert replica.quorum.history.voters.node_ids == [1, 2]
    assert replica.quorum.history.before(2)[1].node_ids == [1, 2, 3]
    asked, _, _ = next_fetch(replica.sync())
    replica.answer(asked, fetched(diverging=(1, 2)))
    assert replica.quorum.history.voters.node_ids == [1, 2, 3]


def test_an_answer_to_what_was_asked_before_changes_nothing() -> None:
    replica, asked = following()
    replica.ask(begin(3, EPOCH + 1))
    effects = replica.answer(asked, fetched(records=data_batch(0, EPOCH, [b"a"], WALL_MS)))
    assert not [effect for effect in effects if isinstance(effect, AppendBatch)]


def test_a_snapshot_takes_the_place_of_the_log() -> None:
    replica, asked = following(FakeLog.of((1, 4)))
    [(asked, request)] = sent(replica.answer(asked, fetched(snapshot=(20, 4))), FetchSnapshotRequest)
    assert request.topics[0].partitions[0].position == 0
    effects = replica.answer(asked, _piece((20, 4), 0, b"the ", 9))
    assert ReceiveSnapshot(SnapshotId(20, 4), 0, b"the ") in effects
    [(asked, request)] = sent(effects, FetchSnapshotRequest)
    assert request.topics[0].partitions[0].position == 4
    effects = replica.answer(asked, _piece((20, 4), 4, b"state", 9))
    assert effects[-1] == InstallSnapshot(SnapshotId(20, 4))
    assert not sent(effects, FetchRequest), "it is not installed yet"
    effects = replica.quorum.snapshot_installed(SnapshotId(20, 4), 1, voter_set(1, 2), replica.now)
    assert AdvanceHighWatermark(20) in effects
    _, offset, last_epoch = next_fetch(effects)
    assert (offset, last_epoch, replica.quorum.history.voters.node_ids) == (20, 4, [1, 2])


def test_a_snapshot_that_is_gone_or_damaged() -> None:
    replica, asked = following()
    [(asked, _)] = sent(replica.answer(asked, fetched(snapshot=(20, 4))), FetchSnapshotRequest)
    response = _piece((20, 4), 0, b"", 0)
    response.topics[0].partitions[0].error_code = ErrorCode.SNAPSHOT_NOT_FOUND
    asked, _, _ = next_fetch(replica.answer(asked, response))
    [(asked, _)] = sent(replica.answer(asked, fetched(snapshot=(30, 4))), FetchSnapshotRequest)
    replica.answer(asked, _piece((30, 4), 0, b"damaged", 7))
    asked, offset, _ = next_fetch(replica.quorum.snapshot_refused(replica.now))
    assert offset == 0
    [(asked, _)] = sent(replica.answer(asked, fetched(snapshot=(30, 4))), FetchSnapshotRequest)
    effects = replica.answer(asked, _piece((31, 4), 0, b"another", 7))
    assert not [effect for effect in effects if isinstance(effect, ReceiveSnapshot)]


def _piece(name: tuple[int, int], position: int, data: bytes, size: int) -> FetchSnapshotResponse:
    partition = FetchSnapshotResponsePartitionSnapshot(
        index=0,
        error_code=ErrorCode.NONE,
        snapshot_id=PieceSnapshotId(end_offset=name[0], epoch=name[1]),
        current_leader=SnapshotLeader(leader_id=LEADER, leader_epoch=EPOCH),
        size=size,
        position=position,
        unaligned_records=memoryview(data),
    )
    topic = FetchSnapshotResponseTopicSnapshot(name="__cluster_metadata", partitions=[partition])
    return FetchSnapshotResponse(error_code=ErrorCode.NONE, topics=[topic])


def test_a_leader_that_does_not_answer_is_looked_for_among_the_others() -> None:
    replica, asked = following()
    effects = replica.fail(asked)
    [(other, _)] = sent(effects, FetchRequest)
    assert other.destination != asked.destination
    effects = replica.answer(other, fetched(error=ErrorCode.FENCED_LEADER_EPOCH, leader=3, epoch=EPOCH + 1))
    [(found, _)] = sent(effects, FetchRequest)
    assert found.destination == ("host3", 9093)


def test_who_cannot_fetch_for_long_asks_for_votes() -> None:
    replica, _ = following()
    assert not sent(replica.after(1999), VoteRequest)
    assert sent(replica.after(1), VoteRequest)
    assert isinstance(replica.quorum.role, Prospective)


@pytest.mark.parametrize(("order", "after_ms"), [([1, 3], 0), ([3, 1], 500), ([3], 1000)])
def test_after_a_resignation_the_first_successor_tries_first(order: list[int], after_ms: int) -> None:
    replica, asked = following()
    replica.answer(asked, fetched())
    partition = EndQuorumEpochRequestPartitionData(
        partition_index=0,
        leader_id=LEADER,
        leader_epoch=EPOCH,
        preferred_candidates=[
            ReplicaInfo(candidate_id=one, candidate_directory_id=node(one).key.directory_id) for one in order
        ],
    )
    topic = EndQuorumEpochRequestTopicData(topic_name="__cluster_metadata", partitions=[partition])
    effects = replica.ask(EndQuorumEpochRequest(cluster_id=None, topics=[topic]))
    assert replied(effects, EndQuorumEpochResponse).topics[0].partitions[0].error_code == ErrorCode.NONE
    if after_ms:
        assert not sent(replica.after(after_ms - 1), VoteRequest)
        effects = replica.after(1)
    assert sent(effects, VoteRequest)


def test_a_voter_that_moved_tells_the_leader() -> None:
    replica = Replica(voters=voter_set(1, 2, 3), log=FakeLog(), snapshots=FakeSnapshots())
    replica.quorum._state.settings = replica.quorum._state.settings._replace(local_endpoints={LISTENER: ("new", 1)})
    [(asked, _)] = sent(replica.ask(begin(LEADER, EPOCH)), FetchRequest)
    updates: list[UpdateRaftVoterRequest] = []
    for _ in range(20):
        effects = replica.answer(asked, fetched())
        replica.time_ms += 200
        updates += [request for _, request in sent(effects, UpdateRaftVoterRequest)]
        found = sent(effects, FetchRequest)
        if not found:
            break
        [(asked, _)] = found
    assert [(one.voter_id, one.listeners[0].host, one.listeners[0].port) for one in updates] == [(1, "new", 1)]
