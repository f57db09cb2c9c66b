"""What each role does as time passes; it says when it wants to be looked at again. KIP-595; `KafkaRaftClient.poll…`."""

from functools import partial

from ottla.raft import election, leadership
from ottla.raft.connections import NEVER
from ottla.raft.state import Candidate, Follower, Leader, Now, Prospective, QuorumState, Resigned, Unattached

MAX_STEPS = 20
"""Transitions without anything happening: more would be a loop."""


def poll(state: QuorumState, now: Now) -> float:
    """Everything that is due; when the next thing is, on the monotonic clock (`inf`: never by itself)."""
    for _ in range(MAX_STEPS):
        role = state.role
        next_ms = _poll_role(state, now)
        if state.role is role:
            return next_ms
    raise AssertionError(f"{state.role} does not come to rest")


def _poll_role(state: QuorumState, now: Now) -> float:
    role = state.role
    match role:
        case Leader():
            return _poll_leader(state, role, now)
        case Follower():
            return _poll_follower(state, role, now)
        case Unattached():
            return _poll_unattached(state, role, now)
        case Prospective():
            return election.poll_prospective(state, role, now)
        case Candidate():
            return election.poll_candidate(state, role, now)
        case Resigned():
            return election.poll_resigned(state, role, now)


def _poll_leader(state: QuorumState, role: Leader, now: Now) -> float:
    next_ms = NEVER
    if role.change is not None:
        from ottla.raft.voter_changes import poll_change

        next_ms = poll_change(state, role, now)
    if role.parked:
        from ottla.raft.fetch_serving import complete_parked

        next_ms = min(next_ms, complete_parked(state, role, now))
    is_alone = False
    if state.history.voters.is_only(state.local):
        leadership.heard_from_majority(state, role, now)  # a second voter gets its time from when it is added
    else:
        next_ms = min(next_ms, role.check_quorum_deadline_ms)
        is_alone = now.monotonic_ms >= role.check_quorum_deadline_ms
    if role.wants_to_resign or state.is_shutting_down or is_alone:
        leadership.resign(state, role, now)
        return now.monotonic_ms
    leadership.forget_observers(role, now)
    return min(next_ms, _begin_epoch(state, role, now))


def _begin_epoch(state: QuorumState, role: Leader, now: Now) -> float:
    """To the voters that have not been heard of: they may not know of the epoch."""
    others = [voter for voter in state.history.voters if voter.key.node_id != state.local.node_id]
    if not others:
        return NEVER
    period_ms = state.settings.fetch_timeout_ms / 2
    if now.monotonic_ms >= role.begin_epoch_at_ms:
        from ottla.raft import requests
        from ottla.raft.sending import send

        for voter in others:
            last_fetch_ms = role.voters[voter.key.node_id].last_fetch_ms
            address = voter.endpoints.get(state.settings.listener_name)
            if address is not None and (last_fetch_ms is None or now.monotonic_ms - last_fetch_ms >= period_ms):
                send(state, now, address, partial(requests.begin_quorum_epoch, state, voter.key))
        role.begin_epoch_at_ms = now.monotonic_ms + period_ms
    return role.begin_epoch_at_ms


def _poll_follower(state: QuorumState, role: Follower, now: Now) -> float:
    from ottla.raft import fetching, requests
    from ottla.raft.sending import send

    if not state.may_campaign:
        next_ms = NEVER
        if state.settings.auto_join:
            from ottla.raft.joining import poll_joining

            next_ms = poll_joining(state, role, now)
        return min(next_ms, fetching.poll_fetch(state, role, now))
    if state.is_shutting_down:
        return NEVER
    if now.monotonic_ms >= role.fetch_deadline_ms:
        election.start_election(state, now)
        return now.monotonic_ms
    leader = role.endpoints.get(state.settings.listener_name)
    if now.monotonic_ms >= role.update_voter_at_ms:
        if not _needs_update(state, role):
            role.update_voter_at_ms = now.monotonic_ms + state.settings.fetch_timeout_ms
        elif leader is not None and state.connections.is_ready(leader, now.monotonic_ms):
            send(state, now, leader, lambda: requests.update_voter(state))
            role.update_voter_at_ms = now.monotonic_ms + state.settings.fetch_timeout_ms
    return min(fetching.poll_fetch(state, role, now), role.fetch_deadline_ms)


def _needs_update(state: QuorumState, role: Follower) -> bool:
    """The voters say something else of us than we do; static voters say nothing, so the leader is told once."""
    local = leadership.local_voter(state)
    if local is None or not state.local.has_directory:
        return False
    if state.history.kraft_version == 0:
        return not role.has_updated_leader
    return state.history.voters.get(local.key.node_id) != local


def _poll_unattached(state: QuorumState, role: Unattached, now: Now) -> float:
    from ottla.raft import fetching

    if state.may_campaign and not state.is_shutting_down:
        if now.monotonic_ms >= role.election_deadline_ms:
            election.start_election(state, now)
            return now.monotonic_ms
        return min(fetching.poll_any_server(state, now), role.election_deadline_ms)
    return fetching.poll_any_server(state, now)
