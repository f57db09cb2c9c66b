"""From one role to another: what is stored first, what is kept, what is forgotten. KIP-595, 853, 996; `QuorumState`.

A vote and a leader are never forgotten within their epoch, whatever the role becomes.
"""

from ottla.protocol.errors import ErrorCode
from ottla.raft.election_state import NOBODY, ElectionState
from ottla.raft.settings import Endpoints
from ottla.raft.state import (
    Candidate,
    Follower,
    Leader,
    Now,
    Prospective,
    QuorumState,
    RaftError,
    Resigned,
    Role,
    Unattached,
    Votes,
)
from ottla.raft.voter_set import ReplicaKey

ASK_AGAIN_SOONER = 10
"""Where the leader is seen to be gone, and others may not have seen it yet."""


def random_election_timeout_ms(state: QuorumState) -> int:
    timeout_ms = state.settings.election_timeout_ms
    return timeout_ms + state.random.randrange(timeout_ms) if timeout_ms else 0


def initial_role(state: QuorumState, now: Now) -> Role:
    """As before the restart; but who led resigns, for some of what it appended in its epoch may be lost."""
    election, last_epoch = state.election, state.epochs.last_epoch
    deadline_ms = now.monotonic_ms + random_election_timeout_ms(state)
    if election.epoch < last_epoch:
        state.set_election(ElectionState(last_epoch))
        return Unattached(deadline_ms)
    if election.leader_id == state.local.node_id:
        others = set(state.history.voters.node_ids) - {state.local.node_id}
        return Resigned(deadline_ms, others, [])
    if _voted_for_itself(state) and state.may_campaign:
        return Candidate(deadline_ms, _new_votes(state))
    endpoints = state.history.voters.endpoints(election.leader_id)
    if election.leader_id != NOBODY and endpoints:
        return _follower(state, now, election.leader_id, endpoints)
    return Unattached(deadline_ms)


def _voted_for_itself(state: QuorumState) -> bool:
    election = state.election
    return election.voted_id == state.local.node_id and election.voted_directory_id in (
        state.local.directory_id,
        bytes(16),
    )


def become_unattached(state: QuorumState, now: Now, epoch: int, leader_id: int = NOBODY) -> None:
    """In a higher epoch; or, from Prospective, in the same, whose vote and leader stay."""
    role = state.role
    assert epoch > state.epoch or (epoch == state.epoch and isinstance(role, Prospective)), (epoch, state.epoch, role)
    if isinstance(role, Candidate | Unattached | Resigned) or (
        isinstance(role, Prospective) and not role.votes.is_rejected
    ):
        deadline_ms = role.election_deadline_ms
    else:
        deadline_ms = now.monotonic_ms + random_election_timeout_ms(state)
    _leave(state)
    if epoch > state.epoch:
        state.set_election(ElectionState(epoch, leader_id))
    elif leader_id != state.election.leader_id:
        election = state.election
        state.set_election(ElectionState(epoch, leader_id, election.voted_id, election.voted_directory_id))
    state.role = Unattached(deadline_ms)


def grant_vote(state: QuorumState, now: Now, candidate: ReplicaKey) -> None:
    """Unattached or Prospective, without a vote in this epoch. The next election of our own is put off."""
    role, election = state.role, state.election
    assert isinstance(role, Unattached | Prospective), role
    assert election.voted_id == NOBODY, election
    deadline_ms = now.monotonic_ms + random_election_timeout_ms(state)
    state.set_election(ElectionState(election.epoch, election.leader_id, candidate.node_id, candidate.directory_id))
    if isinstance(role, Prospective):
        state.role = Prospective(deadline_ms, _new_votes(state), role.leader_endpoints)
        state.connections.reset()
    else:
        state.role = Unattached(deadline_ms)


def become_follower(state: QuorumState, now: Now, epoch: int, leader_id: int, endpoints: Endpoints) -> None:
    """Unattached instead, knowing the leader, when where it listens is not known."""
    assert leader_id != state.local.node_id, f"{leader_id} was to follow itself"
    if not endpoints:
        if epoch > state.epoch:
            become_unattached(state, now, epoch, leader_id)
        return
    _leave(state)
    election = state.election
    if epoch > state.epoch:
        state.set_election(ElectionState(epoch, leader_id))
    else:
        state.set_election(ElectionState(epoch, leader_id, election.voted_id, election.voted_directory_id))
    state.role = _follower(state, now, leader_id, endpoints)


def _follower(state: QuorumState, now: Now, leader_id: int, endpoints: Endpoints) -> Follower:
    fetch_timeout_ms = state.settings.fetch_timeout_ms
    deadline_ms = now.monotonic_ms + fetch_timeout_ms
    return Follower(leader_id, endpoints, deadline_ms, deadline_ms)


def become_prospective(state: QuorumState, now: Now) -> None:
    """Nothing is stored: an election that cannot be won leaves no trace."""
    if not state.may_campaign:
        raise RaftError(f"{state.local} is none of the voters {state.history.voters.node_ids}")
    assert not isinstance(state.role, Leader | Prospective), state.role
    endpoints = state.leader_endpoints
    timeout_ms: float = random_election_timeout_ms(state)
    if isinstance(state.role, Follower) and state.role.is_gone:
        timeout_ms /= ASK_AGAIN_SOONER
    _leave(state)
    deadline_ms = now.monotonic_ms + timeout_ms
    state.role = Prospective(deadline_ms, _new_votes(state), endpoints)


def become_candidate(state: QuorumState, now: Now, *, is_stored: bool = True) -> None:
    """`is_stored`: false when the next state is stored at once, before anything is said to anyone."""
    assert isinstance(state.role, Prospective), state.role
    _leave(state)
    election = ElectionState(state.epoch + 1, NOBODY, state.local.node_id, state.local.directory_id)
    if is_stored:
        state.set_election(election)
    else:
        state.election = election
    state.role = Candidate(now.monotonic_ms + random_election_timeout_ms(state), _new_votes(state))


def become_resigned(state: QuorumState, now: Now, preferred_successors: list[ReplicaKey]) -> None:
    assert isinstance(state.role, Leader), state.role
    _leave(state)
    others = set(state.history.voters.node_ids) - {state.local.node_id}
    deadline_ms = now.monotonic_ms + random_election_timeout_ms(state)
    state.role = Resigned(deadline_ms, others, preferred_successors)
    from ottla.raft.peer_effects import LeaderChanged

    state.emit(LeaderChanged(NOBODY, state.epoch))


def after_lost_pre_vote(state: QuorumState, now: Now) -> None:
    role = state.role
    assert isinstance(role, Prospective), role
    leader_id = state.election.leader_id
    if leader_id != NOBODY and role.leader_endpoints:
        become_follower(state, now, state.epoch, leader_id, role.leader_endpoints)
    else:
        become_unattached(state, now, state.epoch, leader_id)


def learn_of_leader(state: QuorumState, now: Now, epoch: int, leader_id: int, endpoints: Endpoints) -> bool:
    """What a message says of its time. False if that contradicts what is known: then nothing changes."""
    if not _is_consistent(state, epoch, leader_id):
        return False
    if epoch > state.epoch:
        if leader_id != NOBODY:
            become_follower(state, now, epoch, leader_id, endpoints)
        else:
            become_unattached(state, now, epoch)
    elif (
        leader_id not in (NOBODY, state.local.node_id)
        and epoch == state.epoch
        and (state.election.leader_id == NOBODY or len(endpoints) > len(state.leader_endpoints))
    ):
        become_follower(state, now, epoch, leader_id, endpoints)
    return True


def _is_consistent(state: QuorumState, epoch: int, leader_id: int) -> bool:
    """Only elected leaders are named, so that two of one epoch are the same."""
    if leader_id != NOBODY and leader_id == state.local.node_id:
        return isinstance(state.role, Leader)
    return (
        epoch != state.epoch or NOBODY in (leader_id, state.election.leader_id) or leader_id == state.election.leader_id
    )


def _new_votes(state: QuorumState) -> Votes:
    return Votes(frozenset(state.history.voters.node_ids), {state.local.node_id})


def _leave(state: QuorumState) -> None:
    """Questions that are open are nobody's any more; who waits for a leader is told."""
    state.connections.reset()
    role = state.role
    if isinstance(role, Leader) and (role.parked or role.change is not None):
        from ottla.raft.change_answers import abandon_change  # a single voter never needs it
        from ottla.raft.fetch_answers import answer_parked

        answer_parked(state, role, ErrorCode.NOT_LEADER_OR_FOLLOWER)
        abandon_change(state, role, ErrorCode.NOT_LEADER_OR_FOLLOWER)
