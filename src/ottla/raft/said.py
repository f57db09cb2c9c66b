"""What every answer of another replica says beside what was asked: its epoch, and who leads it. KIP-595."""

from ottla.protocol.errors import ErrorCode
from ottla.raft import transitions
from ottla.raft.election_state import NOBODY
from ottla.raft.settings import Endpoints
from ottla.raft.state import Now, QuorumState


def handle_common(
    state: QuorumState, now: Now, error: int, leader_id: int, epoch: int, endpoints: Endpoints
) -> bool | None:
    """`None`: look at the rest of the answer. Otherwise that is all, and it went well (True) or is to be repeated
    after a while (False)."""
    if epoch < state.epoch or error == ErrorCode.UNKNOWN_LEADER_EPOCH:
        return True
    if epoch > state.epoch or error in (ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.NOT_LEADER_OR_FOLLOWER):
        return transitions.learn_of_leader(state, now, epoch, leader_id, endpoints)
    if leader_id != NOBODY and state.election.leader_id == NOBODY:
        if leader_id == state.local.node_id:
            return False  # we never said so
        transitions.become_follower(state, now, epoch, leader_id, endpoints)
        return None if error == ErrorCode.NONE else True
    if error in (ErrorCode.BROKER_NOT_AVAILABLE, ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_VOTER_KEY):
        return False
    return None
