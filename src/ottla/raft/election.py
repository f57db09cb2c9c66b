"""Elections: asking for votes, and what time does to those who ask. KIP-595, 996.

Kafka 4.3 has no back-off of its own between elections: who lost waits for what is left of its random election timeout,
and asks again whether it could win. A single voter is its own majority, and leads without asking anyone.
"""

from functools import partial

from ottla.raft import leadership, transitions
from ottla.raft.state import Candidate, Now, Prospective, QuorumState, Resigned


def start_election(state: QuorumState, now: Now) -> None:
    transitions.become_prospective(state, now)
    advance(state, now)


def advance(state: QuorumState, now: Now) -> None:
    """With a majority of yes one goes on, with a majority of no a Prospective goes back."""
    role = state.role
    if isinstance(role, Prospective):
        if role.votes.is_rejected:
            transitions.after_lost_pre_vote(state, now)
        elif role.votes.is_granted:
            transitions.become_candidate(state, now, is_stored=len(role.votes.voters) > 1)
            role = state.role
    if isinstance(role, Candidate) and role.votes.is_granted:
        leadership.become_leader(state, role, now)


def poll_prospective(state: QuorumState, role: Prospective, now: Now) -> float:
    if now.monotonic_ms >= role.election_deadline_ms and not state.is_shutting_down:
        transitions.after_lost_pre_vote(state, now)
        return now.monotonic_ms
    return min(_ask_for_votes(state, role, now), role.election_deadline_ms)


def poll_candidate(state: QuorumState, role: Candidate, now: Now) -> float:
    if now.monotonic_ms >= role.election_deadline_ms and not state.is_shutting_down:
        start_election(state, now)
        return now.monotonic_ms
    return min(_ask_for_votes(state, role, now), role.election_deadline_ms)


def poll_resigned(state: QuorumState, role: Resigned, now: Now) -> float:
    """Tells the others; then takes part in what comes, in a later epoch."""
    from ottla.raft import requests
    from ottla.raft.sending import send

    if now.monotonic_ms >= role.election_deadline_ms and not state.is_shutting_down:
        transitions.become_unattached(state, now, state.epoch + 1)
        return now.monotonic_ms
    again_ms = role.election_deadline_ms
    for node_id in sorted(role.unacknowledged):
        address = state.history.voters.endpoints(node_id).get(state.settings.listener_name)
        if address is not None:
            again_ms = min(again_ms, send(state, now, address, partial(requests.end_quorum_epoch, state, role)))
    return again_ms


def _ask_for_votes(state: QuorumState, role: Prospective | Candidate, now: Now) -> float:
    from ottla.raft import requests
    from ottla.raft.sending import send

    again_ms = role.election_deadline_ms
    if role.votes.is_rejected:
        return again_ms
    for node_id in role.votes.missing:
        voter = state.history.voters.get(node_id)
        address = voter.endpoints.get(state.settings.listener_name) if voter is not None else None
        if voter is None or address is None:
            continue
        again_ms = min(again_ms, send(state, now, address, partial(requests.vote, state, voter.key)))
    return again_ms
