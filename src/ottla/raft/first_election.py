"""The first election of all need not wait for the election timeout, which is there to spare a leader that is not heard.

In epoch 0 nobody has ever led. When so many voters say so that they are a majority with this one, it asks for
pre-votes as soon as it is its turn.
"""

from ottla.raft.peer_loss import TURNS_IN_ELECTION_TIMEOUT
from ottla.raft.settings import Address
from ottla.raft.state import Now, QuorumState, Unattached


def nobody_leads(state: QuorumState, server: Address, epoch: int, now: Now) -> None:
    """`server` answered that it knows no leader in `epoch`."""
    role, name = state.role, state.settings.listener_name
    if not isinstance(role, Unattached) or not epoch == state.epoch == 0 or not state.is_voter:
        return
    role.leaderless |= {voter.key.node_id for voter in state.history.voters if voter.endpoints.get(name) == server}
    others = role.leaderless - {state.local.node_id}
    if len(others) + 1 >= state.history.voters.majority:
        turn = sorted(state.history.voters.node_ids).index(state.local.node_id)
        wait_ms = turn * state.settings.election_timeout_ms / TURNS_IN_ELECTION_TIMEOUT
        role.election_deadline_ms = min(role.election_deadline_ms, now.monotonic_ms + wait_ms)
