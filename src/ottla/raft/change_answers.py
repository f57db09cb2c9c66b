"""What a leader answers to whom asked it to change the voters: how it went, or that it leads no more. KIP-853."""

from ottla.protocol.api.add_raft_voter import AddRaftVoterResponse
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterResponse
from ottla.protocol.errors import ErrorCode
from ottla.raft.peer_effects import Reply
from ottla.raft.state import Leader, QuorumState
from ottla.raft.under_way import VoterChange


def finish_change(state: QuorumState, role: Leader, error: ErrorCode, message: str | None) -> None:
    change = role.change
    assert change is not None
    role.change = None
    answer_change(state, change, error, message)


def answer_change(state: QuorumState, change: VoterChange, error: ErrorCode, message: str | None) -> None:
    if change.token < 0:
        return
    text = message if message is not None or error is ErrorCode.NONE else error.message
    if change.is_addition:
        state.emit(Reply(change.token, AddRaftVoterResponse(error_code=error, error_message=text)))
    else:
        state.emit(Reply(change.token, RemoveRaftVoterResponse(error_code=error, error_message=text)))


def abandon_change(state: QuorumState, role: Leader, error: ErrorCode) -> None:
    """We do not lead any more: somebody else will say what became of it."""
    if role.change is not None:
        finish_change(state, role, error, None)
