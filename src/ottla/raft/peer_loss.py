"""A replica is gone, and that is seen before it times out: nobody listens at its address. ADR 5, point 9.

A follower whose leader that was asks for pre-votes without waiting for its fetch timeout, and gives them to others. So
that not all ask at once, and split the votes, each waits for its turn; who is refused, for others have not seen it yet,
asks again soon. Nothing else follows: who can be elected, and
who may vote for whom, is as it always is.
"""

from ottla.raft.settings import Address
from ottla.raft.state import Follower, Now, QuorumState, Resigned

TURNS_IN_ELECTION_TIMEOUT = 20
"""How long a turn is: 50 ms with Kafka's default."""


def peer_is_gone(state: QuorumState, address: Address, now: Now) -> None:
    role, name = state.role, state.settings.listener_name
    if isinstance(role, Follower) and role.endpoints.get(name) == address:
        turn_ms = state.settings.election_timeout_ms / TURNS_IN_ELECTION_TIMEOUT
        role.has_fetched = False
        role.is_gone = True
        role.fetch_deadline_ms = min(role.fetch_deadline_ms, now.monotonic_ms + _turn(state, role) * turn_ms)
    elif isinstance(role, Resigned) and state.is_shutting_down:
        role.unacknowledged -= {
            voter.key.node_id for voter in state.history.voters if voter.endpoints.get(name) == address
        }


def _turn(state: QuorumState, role: Follower) -> int:
    others = sorted(node_id for node_id in state.history.voters.node_ids if node_id != role.leader_id)
    return others.index(state.local.node_id) if state.local.node_id in others else len(others)
