"""A controller that is no voter asks the leader to let it vote, where that is wanted. KIP-1186.

A node whose voter is another directory of its own (its disk was lost) asks for that one's removal first.
"""

from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest, Listener
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterRequest
from ottla.protocol.message import Request
from ottla.raft.connections import NEVER
from ottla.raft.sending import send
from ottla.raft.state import Follower, Now, QuorumState

RECONFIGURABLE_KRAFT_VERSION = 1


def poll_joining(state: QuorumState, role: Follower, now: Now) -> float:
    """When to look again."""
    settings = state.settings
    if not settings.auto_join or state.is_shutting_down or not settings.local_endpoints:
        return NEVER
    if state.history.kraft_version >= RECONFIGURABLE_KRAFT_VERSION and now.monotonic_ms >= role.update_voter_at_ms:
        leader = role.endpoints.get(settings.listener_name)
        if leader is not None and state.connections.is_ready(leader, now.monotonic_ms):
            send(state, now, leader, lambda: _request(state))
            role.update_voter_at_ms = now.monotonic_ms + settings.fetch_timeout_ms
    return max(role.update_voter_at_ms, now.monotonic_ms + 1)


def _request(state: QuorumState) -> Request:
    settings, local = state.settings, state.local
    former = state.history.voters.get(local.node_id)
    if former is not None:
        return RemoveRaftVoterRequest(
            cluster_id=settings.cluster_id,
            voter_id=former.key.node_id,
            voter_directory_id=former.key.directory_id,
        )
    return AddRaftVoterRequest(
        cluster_id=settings.cluster_id,
        timeout_ms=settings.request_timeout_ms,
        voter_id=local.node_id,
        voter_directory_id=local.directory_id,
        listeners=[
            Listener(name=name, host=host, port=port) for name, (host, port) in settings.local_endpoints.items()
        ],
        ack_when_committed=False,  # else it would have to fetch what makes it a voter before it is answered
    )
