"""What is asked of every request before it is looked into. KIP-595, 853; `KafkaRaftClient.validate…`."""

from ottla.protocol.errors import ErrorCode
from ottla.raft.state import Leader, QuorumState
from ottla.raft.voter_set import ReplicaKey


def voter_only(state: QuorumState, remote_id: int, epoch: int) -> ErrorCode:
    """Vote, BeginQuorumEpoch, EndQuorumEpoch. Not that the sender is a voter: our voters may be old (KIP-853)."""
    if epoch < state.epoch:
        return ErrorCode.FENCED_LEADER_EPOCH
    if remote_id < 0:
        return ErrorCode.INVALID_REQUEST
    return ErrorCode.NONE


def leader_only(state: QuorumState, epoch: int) -> ErrorCode:
    """Fetch, FetchSnapshot, and changes of the voters."""
    if epoch < state.epoch:
        return ErrorCode.FENCED_LEADER_EPOCH
    if epoch > state.epoch:
        return ErrorCode.UNKNOWN_LEADER_EPOCH
    if not isinstance(state.role, Leader):
        return ErrorCode.NOT_LEADER_OR_FOLLOWER
    if state.is_shutting_down:
        return ErrorCode.BROKER_NOT_AVAILABLE
    return ErrorCode.NONE


def is_for_us(state: QuorumState, voter_id: int, directory_id: bytes) -> bool:
    """-1, or no directory id: the sender does not know whom it speaks to."""
    if voter_id < 0:
        return True
    key = ReplicaKey(voter_id, directory_id)
    return voter_id == state.local.node_id and (not key.has_directory or key == state.local)
