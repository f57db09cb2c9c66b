"""Vote: being asked, and being answered. KIP-595, 853, 996.

A vote is given once in an epoch, to who has all that we have, and not while a leader of that epoch is known; it is
stored before it is said. A pre-vote binds nobody: it is given while no leader answers us.
"""

from ottla.protocol.api.vote import (
    NodeEndpoint,
    VoteRequest,
    VoteResponse,
    VoteResponsePartitionData,
    VoteResponseTopicData,
)
from ottla.protocol.errors import ErrorCode
from ottla.raft import election, transitions
from ottla.raft.connections import InFlight
from ottla.raft.election_state import NOBODY
from ottla.raft.inbound import Inbound
from ottla.raft.responses import PARTITION, TOPIC, has_cluster_id, leader_endpoints, leader_node_endpoint
from ottla.raft.said import handle_common
from ottla.raft.state import Candidate, Follower, Leader, Now, Prospective, QuorumState, Unattached
from ottla.raft.validation import is_for_us, voter_only
from ottla.raft.voter_set import ReplicaKey


def handle_vote(state: QuorumState, inbound: Inbound, request: VoteRequest, now: Now) -> None:
    if not has_cluster_id(state, request.cluster_id):
        state.reply(inbound, VoteResponse(error_code=ErrorCode.INCONSISTENT_CLUSTER_ID, topics=[]))
        return
    if [(topic.topic_name, len(topic.partitions)) for topic in request.topics] != [(TOPIC, 1)]:
        state.reply(inbound, VoteResponse(error_code=ErrorCode.INVALID_REQUEST, topics=[]))
        return
    error, granted = _decide(state, request, now)
    partition = VoteResponsePartitionData(
        partition_index=PARTITION,
        error_code=error,
        leader_id=state.election.leader_id,
        leader_epoch=state.epoch,
        vote_granted=granted,
    )
    response = VoteResponse(
        error_code=ErrorCode.NONE,
        topics=[VoteResponseTopicData(topic_name=TOPIC, partitions=[partition])],
        node_endpoints=leader_node_endpoint(
            state, inbound, 1, lambda node_id, host, port: NodeEndpoint(node_id=node_id, host=host, port=port)
        ),
    )
    state.reply(inbound, response)


def _decide(state: QuorumState, request: VoteRequest, now: Now) -> tuple[ErrorCode, bool]:
    asked = request.topics[0].partitions[0]
    epoch, last_epoch = asked.replica_epoch, asked.last_offset_epoch
    too_new = last_epoch > epoch if asked.pre_vote else last_epoch >= epoch
    if asked.partition_index != PARTITION or asked.last_offset < 0 or last_epoch < 0 or too_new:
        return ErrorCode.INVALID_REQUEST, False
    error = voter_only(state, asked.replica_id, epoch)
    if error is not ErrorCode.NONE:
        return error, False
    if epoch > state.epoch:
        transitions.become_unattached(state, now, epoch)
    if not is_for_us(state, request.voter_id, asked.voter_directory_id):
        return ErrorCode.INVALID_VOTER_KEY, False
    candidate = ReplicaKey(asked.replica_id, asked.replica_directory_id)
    end = state.end
    is_up_to_date = (last_epoch, asked.last_offset) >= (end.epoch, end.offset)
    granted = can_grant(state, candidate, is_up_to_date=is_up_to_date, pre_vote=asked.pre_vote)
    if granted and not asked.pre_vote and state.election.voted_id == NOBODY:
        transitions.grant_vote(state, now, candidate)
    return ErrorCode.NONE, granted


def can_grant(state: QuorumState, candidate: ReplicaKey, *, is_up_to_date: bool, pre_vote: bool) -> bool:
    role, election = state.role, state.election
    if isinstance(role, Leader) or candidate.node_id == state.local.node_id:
        return False
    if pre_vote:
        return is_up_to_date and not (isinstance(role, Follower) and role.has_fetched)
    if not isinstance(role, Unattached | Prospective):
        return False
    if election.voted_id != NOBODY:
        voted = ReplicaKey(election.voted_id, election.voted_directory_id)
        return voted.node_id == candidate.node_id and (not voted.has_directory or voted == candidate)
    return election.leader_id == NOBODY and is_up_to_date


def handle_vote_response(state: QuorumState, waiting: InFlight, response: VoteResponse, now: Now) -> bool:
    """False: ask again after a while."""
    role = state.role
    asked = waiting.request
    assert isinstance(asked, VoteRequest), asked
    if response.error_code == ErrorCode.UNSUPPORTED_VERSION and isinstance(role, Prospective):
        transitions.become_candidate(state, now)  # an old voter that knows nothing of pre-votes
        return True
    if response.error_code != ErrorCode.NONE or len(response.topics) != 1 or len(response.topics[0].partitions) != 1:
        return False
    said = response.topics[0].partitions[0]
    endpoints = leader_endpoints(state, said.leader_id, response.node_endpoints)
    handled = handle_common(state, now, said.error_code, said.leader_id, said.leader_epoch, endpoints)
    if handled is not None:
        return handled
    if said.error_code != ErrorCode.NONE:
        return False
    role = state.role
    pre_vote = asked.topics[0].partitions[0].pre_vote
    if isinstance(role, Prospective if pre_vote else Candidate) and isinstance(role, Prospective | Candidate):
        if said.vote_granted:
            role.votes.granted.add(asked.voter_id)
        else:
            role.votes.rejected.add(asked.voter_id)
        election.advance(state, now)
    return True
