"""A quorum of one: elections, the first records, and the high watermark."""

from __future__ import annotations

from random import Random

import pytest
from tests.unit.raft.replicas import FakeLog, FakeSnapshots

from ottla.protocol.control_record.kraft_version_record import KRaftVersionRecord
from ottla.protocol.control_record.leader_change_message import LeaderChangeMessage
from ottla.protocol.control_record.voters_record import VotersRecord
from ottla.raft.batches import MAX_BATCH_BYTES, read_batches
from ottla.raft.effects import AdvanceHighWatermark, AppendBatch, BecameLeader, StoreElection
from ottla.raft.election_state import ElectionState, QuorumStateError
from ottla.raft.quorum import RaftQuorum
from ottla.raft.quorum_history import QuorumHistory
from ottla.raft.settings import RaftSettings
from ottla.raft.state import Now, RaftError
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet

DIRECTORY = bytes(range(16))
LOCAL = ReplicaKey(1, DIRECTORY)
VOTERS = VoterSet((VoterNode(LOCAL, {"CONTROLLER": ("127.0.0.1", 9093)}),))
NOW_MS = 1_700_000_000_000
NOW = Now(0, NOW_MS)


def quorum(
    *,
    history: QuorumHistory | None = None,
    election: ElectionState | None = None,
    end: int = 0,
    epoch: int = 0,
    local: ReplicaKey = LOCAL,
) -> RaftQuorum:
    return RaftQuorum(
        local,
        history or QuorumHistory(1, VOTERS),
        settings=RaftSettings(cluster_id="test"),
        log=FakeLog(end_offset=end, epochs=[(epoch, 0)] if end else []),
        snapshots=FakeSnapshots(),
        random=Random(0),
        stored_election=election,
    )


def test_the_first_leader_writes_the_voters() -> None:
    node = quorum()
    stored, became, appended = node.start(NOW)
    assert stored == StoreElection(ElectionState(1, leader_id=1))
    assert became == BecameLeader(1)
    assert isinstance(appended, AppendBatch)
    [batch] = read_batches(appended.batch)
    assert [type(message) for _, message in batch.control] == [LeaderChangeMessage, KRaftVersionRecord, VotersRecord]
    assert (batch.base_offset, batch.last_offset, batch.epoch) == (0, 2, 1)
    assert (node.log_end_offset, node.history.voters_offset, node.history.kraft_version_offset) == (3, 2, 1)
    assert VoterSet.from_record(VOTERS.to_record()) == VOTERS


def test_a_later_leader_writes_only_itself() -> None:
    history = QuorumHistory(1, VOTERS, kraft_version_offset=1, voters_offset=2)
    node = quorum(history=history, election=ElectionState(4, leader_id=1), end=10, epoch=3)
    appended = node.start(NOW)[-1]
    assert isinstance(appended, AppendBatch)
    [batch] = read_batches(appended.batch)
    assert [type(message) for _, message in batch.control] == [LeaderChangeMessage]
    assert (batch.base_offset, batch.epoch, node.epoch, node.leader_id) == (10, 5, 5, 1)


def test_an_epoch_of_the_log_is_never_used_again() -> None:
    node = quorum(history=QuorumHistory(1, VOTERS, 1, 2), election=None, end=10, epoch=7)
    node.start(NOW)
    assert node.epoch == 8


def test_static_voters_have_no_records() -> None:
    static = VoterSet((VoterNode(ReplicaKey(1, bytes(16)), {}),))
    node = quorum(history=QuorumHistory(0, static))
    appended = node.start(NOW)[-1]
    assert isinstance(appended, AppendBatch)
    assert appended.last_offset == 0


def test_the_high_watermark_follows_what_is_synced() -> None:
    node = quorum()
    node.start(NOW)
    assert node.high_watermark == 0
    assert node.log_synced(3, NOW) == [AdvanceHighWatermark(3)]
    [first] = node.append([b"a", b"b"], NOW)
    [second] = node.append([b"c"], NOW)
    assert isinstance(first, AppendBatch)
    assert isinstance(second, AppendBatch)
    assert [(first.base_offset, first.last_offset), (second.base_offset, second.last_offset)] == [(3, 4), (5, 5)]
    assert node.high_watermark == 3
    assert node.log_synced(5, NOW) == [AdvanceHighWatermark(5)]
    assert node.log_synced(5, NOW) == []
    assert node.log_synced(6, NOW) == [AdvanceHighWatermark(6)]
    [batch] = read_batches(first.batch)
    assert (list(batch.values), batch.timestamp_ms, batch.epoch) == ([b"a", b"b"], NOW_MS, 1)


def test_records_before_the_epoch_do_not_commit_by_themselves() -> None:
    node = quorum(history=QuorumHistory(1, VOTERS, 1, 2), end=10, epoch=1)
    node.start(NOW)
    assert node.log_synced(10, NOW) == []
    assert node.log_synced(11, NOW) == [AdvanceHighWatermark(11)]


def test_who_does_not_lead() -> None:
    two = VoterSet((*VOTERS.voters, VoterNode(ReplicaKey(2, DIRECTORY[::-1]), {})))
    for node in (
        quorum(local=ReplicaKey(2, DIRECTORY)),
        quorum(local=ReplicaKey(1, bytes(16))),
        quorum(history=QuorumHistory(1, two)),
    ):
        assert not [effect for effect in node.start(NOW) if isinstance(effect, BecameLeader | StoreElection)]
        assert not node.is_leader
        with pytest.raises(RaftError, match="does not lead"):
            node.append([b"a"], NOW)


def test_a_decision_is_one_batch_or_none() -> None:
    node = quorum()
    node.start(NOW)
    before = node.log_end_offset
    with pytest.raises(ValueError, match="one batch"):
        node.append([bytes(MAX_BATCH_BYTES // 2)] * 2, NOW)
    assert node.log_end_offset == before


KAFKA_QUORUM_STATE = (
    b'{"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}'
)


def test_quorum_state_is_the_file_of_kafka() -> None:
    """The text is that of Apache Kafka 4.3.1 after its first election."""
    assert ElectionState(1, leader_id=1).to_json(1) == KAFKA_QUORUM_STATE
    assert ElectionState.from_json(KAFKA_QUORUM_STATE) == ElectionState(1, leader_id=1)
    voted = ElectionState(9, voted_id=2, voted_directory_id=DIRECTORY)
    assert ElectionState.from_json(voted.to_json(1)) == voted
    assert ElectionState.from_json(ElectionState(9, leader_id=2).to_json(0, [3, 1])) == ElectionState(9, leader_id=2)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", KAFKA_QUORUM_STATE[:-1], KAFKA_QUORUM_STATE.replace(b":1}", b":7}"), b"\xff", b"null"],
)
def test_a_quorum_state_that_makes_no_sense(text: bytes) -> None:
    with pytest.raises(QuorumStateError):
        ElectionState.from_json(text)
