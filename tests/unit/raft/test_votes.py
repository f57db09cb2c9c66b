"""Who gives a vote to whom, pre-votes, and elections among three."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.raft.replicas import CLUSTER_ID, FakeLog, Replica, key, replied, sent

from ottla.protocol.api.begin_quorum_epoch import (
    BeginQuorumEpochRequest,
    BeginQuorumEpochRequestPartitionData,
    BeginQuorumEpochRequestTopicData,
    BeginQuorumEpochResponse,
)
from ottla.protocol.api.fetch import FetchRequest
from ottla.protocol.api.vote import (
    VoteRequest,
    VoteRequestPartitionData,
    VoteRequestTopicData,
    VoteResponse,
    VoteResponsePartitionData,
    VoteResponseTopicData,
)
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID
from ottla.raft.effects import BecameLeader, StoreElection
from ottla.raft.election_state import ElectionState
from ottla.raft.peer_effects import LeaderChanged, Reply
from ottla.raft.state import Candidate, Follower, Leader, Prospective, Resigned, Unattached

if TYPE_CHECKING:
    from ottla.raft.effects import Effect
    from ottla.raft.peer_effects import SendRequest

TOPIC = "__cluster_metadata"


def vote(
    candidate: int, epoch: int, end: tuple[int, int] = (0, 0), *, pre_vote: bool = False, to: bytes = ZERO_UUID
) -> VoteRequest:
    """`end`: (epoch, offset) of the candidate's log."""
    partition = VoteRequestPartitionData(
        partition_index=0,
        replica_epoch=epoch,
        replica_id=candidate,
        replica_directory_id=key(candidate).directory_id,
        voter_directory_id=to,
        last_offset_epoch=end[0],
        last_offset=end[1],
        pre_vote=pre_vote,
    )
    return VoteRequest(
        cluster_id=CLUSTER_ID,
        voter_id=1,
        topics=[VoteRequestTopicData(topic_name=TOPIC, partitions=[partition])],
    )


def begin(leader: int, epoch: int) -> BeginQuorumEpochRequest:
    partition = BeginQuorumEpochRequestPartitionData(partition_index=0, leader_id=leader, leader_epoch=epoch)
    return BeginQuorumEpochRequest(
        cluster_id=CLUSTER_ID,
        topics=[BeginQuorumEpochRequestTopicData(topic_name=TOPIC, partitions=[partition])],
    )


def said(effects: list[Effect]) -> tuple[int, bool, int, int]:
    """(error, granted, epoch, leader)"""
    [topic] = replied(effects, VoteResponse).topics
    [partition] = topic.partitions
    return partition.error_code, partition.vote_granted, partition.leader_epoch, partition.leader_id


def give(replica: Replica, asked: SendRequest, *, granted: bool, epoch: int, leader: int = -1) -> list[Effect]:
    partition = VoteResponsePartitionData(
        partition_index=0, error_code=0, leader_id=leader, leader_epoch=epoch, vote_granted=granted
    )
    topic = VoteResponseTopicData(topic_name=TOPIC, partitions=[partition])
    return replica.answer(asked, VoteResponse(error_code=0, topics=[topic]))


def elected(replica: Replica) -> list[Effect]:
    """Through pre-vote and vote, by the first who is asked. Effects of the last step."""
    effects = replica.until_due()
    while not sent(effects, VoteRequest):
        effects = replica.until_due()
    (asked, _), *_ = sent(effects, VoteRequest)
    effects = give(replica, asked, granted=True, epoch=replica.quorum.epoch)
    assert replica.is_a(Candidate)
    (asked, _), *_ = sent(effects, VoteRequest)
    return give(replica, asked, granted=True, epoch=replica.quorum.epoch)


def test_a_vote_is_stored_before_it_is_said_and_given_once() -> None:
    replica = Replica()
    effects = replica.ask(vote(2, 5))
    assert said(effects) == (ErrorCode.NONE, True, 5, -1)
    stored = [index for index, effect in enumerate(effects) if isinstance(effect, StoreElection)]
    [answered] = [index for index, effect in enumerate(effects) if isinstance(effect, Reply)]
    assert effects[stored[-1]] == StoreElection(ElectionState(5, -1, 2, key(2).directory_id))
    assert stored[-1] < answered
    assert said(replica.ask(vote(2, 5))) == (ErrorCode.NONE, True, 5, -1), "the same again"
    assert said(replica.ask(vote(3, 5))) == (ErrorCode.NONE, False, 5, -1)
    assert said(replica.ask(vote(3, 4))) == (ErrorCode.FENCED_LEADER_EPOCH, False, 5, -1)
    assert said(replica.ask(vote(3, 6))) == (ErrorCode.NONE, True, 6, -1)


def test_a_vote_survives_a_restart() -> None:
    replica = Replica(election=ElectionState(5, -1, 2, key(2).directory_id))
    assert said(replica.ask(vote(3, 5)))[1] is False
    assert said(replica.ask(vote(2, 5)))[1] is True


@pytest.mark.parametrize(
    ("end", "granted"), [((1, 9), False), ((2, 3), False), ((2, 4), True), ((2, 5), True), ((3, 0), True)]
)
def test_only_who_has_all_that_we_have_gets_a_vote(end: tuple[int, int], granted: bool) -> None:
    for pre_vote in (False, True):
        replica = Replica(log=FakeLog.of((1, 2), (2, 2)))
        assert said(replica.ask(vote(2, 9, end, pre_vote=pre_vote)))[1] is granted


def test_what_a_vote_request_cannot_be() -> None:
    replica = Replica(election=ElectionState(3))
    assert said(replica.ask(vote(2, 4, (4, 0))))[0] == ErrorCode.INVALID_REQUEST
    assert said(replica.ask(vote(2, 4, (4, 0), pre_vote=True)))[0] == ErrorCode.NONE
    assert said(replica.ask(vote(2, 5, (5, 0), pre_vote=True)))[0] == ErrorCode.NONE
    assert said(replica.ask(vote(2, 6, (1, -1))))[0] == ErrorCode.INVALID_REQUEST
    assert said(replica.ask(vote(-1, 6)))[0] == ErrorCode.INVALID_REQUEST
    assert said(replica.ask(vote(2, 6, to=key(9).directory_id)))[0] == ErrorCode.INVALID_VOTER_KEY
    other = vote(2, 7)
    other.cluster_id = "other"
    assert replied(replica.ask(other), VoteResponse).error_code == ErrorCode.INCONSISTENT_CLUSTER_ID
    other = vote(2, 7)
    other.topics[0].topic_name = "other"
    assert replied(replica.ask(other), VoteResponse).error_code == ErrorCode.INVALID_REQUEST
    assert replica.quorum.epoch == 6


def test_a_pre_vote_binds_nobody() -> None:
    replica = Replica(election=ElectionState(3))
    before = replica.quorum.election
    for candidate in (2, 3):
        effects = replica.ask(vote(candidate, 3, pre_vote=True))
        assert said(effects)[1] is True
        assert not [effect for effect in effects if isinstance(effect, StoreElection)]
    assert replica.quorum.election == before


def test_who_follows_a_leader_that_answers_gives_no_pre_vote() -> None:
    replica = Replica()
    replica.ask(begin(2, 4))
    role = replica.quorum.role
    assert isinstance(role, Follower)
    assert said(replica.ask(vote(3, 4, pre_vote=True)))[1] is True, "it has not answered us yet"
    role.has_fetched = True
    assert said(replica.ask(vote(3, 4, pre_vote=True))) == (ErrorCode.NONE, False, 4, 2)
    assert said(replica.ask(vote(3, 4))) == (ErrorCode.NONE, False, 4, 2), "a leader of this epoch is known"


def test_an_election_is_tried_before_it_is_held() -> None:
    replica = Replica()
    assert replica.is_a(Unattached)
    effects = replica.after(2000)
    assert replica.is_a(Prospective)
    asked = sent(effects, VoteRequest)
    assert {request.voter_id for _, request in asked} == {2, 3}
    assert {request.topics[0].partitions[0].pre_vote for _, request in asked} == {True}
    assert replica.quorum.epoch == 0
    effects = give(replica, asked[0][0], granted=True, epoch=0)
    assert replica.is_a(Candidate)
    assert StoreElection(ElectionState(1, -1, 1, key(1).directory_id)) in effects
    asked = sent(effects, VoteRequest)
    assert {request.topics[0].partitions[0].pre_vote for _, request in asked} == {False}
    effects = give(replica, asked[0][0], granted=True, epoch=1)
    assert replica.is_a(Leader)
    assert BecameLeader(1) in effects
    assert {request.voter_id for _, request in sent(effects, BeginQuorumEpochRequest)} == {2, 3}


def test_who_cannot_win_goes_back_without_an_epoch() -> None:
    replica = Replica(election=ElectionState(4))
    asked = sent(replica.after(2000), VoteRequest)
    give(replica, asked[0][0], granted=False, epoch=4)
    give(replica, asked[1][0], granted=False, epoch=4)
    assert replica.is_a(Unattached)
    assert replica.quorum.epoch == 4


def test_a_higher_epoch_in_an_answer_ends_an_election() -> None:
    replica = Replica()
    asked = sent(replica.after(2000), VoteRequest)
    effects = give(replica, asked[0][0], granted=False, epoch=7, leader=3)
    assert replica.is_a(Follower)
    assert LeaderChanged(3, 7) in effects
    [(_, fetch)] = sent(effects, FetchRequest)
    assert fetch.topics[0].partitions[0].current_leader_epoch == 7


def test_a_candidate_that_got_no_majority_asks_again_later() -> None:
    replica = Replica()
    asked = sent(replica.after(2000), VoteRequest)
    asked = sent(give(replica, asked[0][0], granted=True, epoch=0), VoteRequest)
    for one, _ in asked:
        give(replica, one, granted=False, epoch=1)
    assert replica.is_a(Candidate), "it waits for what is left of its time"
    assert not sent(replica.after(1), VoteRequest)
    effects = replica.after(2000)
    assert replica.is_a(Prospective)
    assert {request.topics[0].partitions[0].pre_vote for _, request in sent(effects, VoteRequest)} == {True}


def test_who_led_before_a_restart_never_leads_that_epoch_again() -> None:
    replica = Replica(election=ElectionState(6, leader_id=1))
    assert replica.is_a(Resigned)
    assert said(replica.ask(vote(2, 6)))[1] is False
    elected(replica)
    assert replica.quorum.epoch > 6


def test_two_leaders_of_one_epoch_cannot_be() -> None:
    replica = Replica()
    replica.ask(begin(2, 4))
    effects = replica.ask(begin(3, 4))
    [topic] = replied(effects, BeginQuorumEpochResponse).topics
    assert topic.partitions[0].error_code == ErrorCode.INCONSISTENT_VOTER_SET
    assert replica.quorum.leader_id == 2
    effects = replica.ask(begin(1, 5))
    [topic] = replied(effects, BeginQuorumEpochResponse).topics
    assert topic.partitions[0].error_code == ErrorCode.INCONSISTENT_VOTER_SET


def test_an_old_voter_that_knows_no_pre_vote_makes_a_candidate() -> None:
    replica = Replica()
    asked = sent(replica.after(2000), VoteRequest)
    replica.answer(asked[0][0], VoteResponse(error_code=ErrorCode.UNSUPPORTED_VERSION, topics=[]))
    assert replica.is_a(Candidate)


def test_an_observer_asks_for_nothing_but_records() -> None:
    replica = Replica(node_id=9)
    for _ in range(50):
        effects = replica.until_due()
        assert not sent(effects, VoteRequest)
    assert replica.is_a(Unattached)
    assert not replica.quorum.is_voter
