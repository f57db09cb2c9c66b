"""Asking another replica, if it is not being asked already and has not just failed."""

from collections.abc import Callable

from ottla.protocol.message import Request
from ottla.raft.peer_effects import SendRequest
from ottla.raft.settings import Address
from ottla.raft.state import Now, QuorumState


def send(state: QuorumState, now: Now, address: Address, make: Callable[[], Request]) -> float:
    """When to look again. Nothing is made unless it can be sent."""
    connections = state.connections
    if connections.is_ready(address, now.monotonic_ms):
        request = make()
        correlation_id = connections.sent(address, request, now.monotonic_ms)
        state.emit(SendRequest(correlation_id, address, request))
    return connections.ready_at(address)


def servers(state: QuorumState) -> list[Address]:
    """Whom to ask who leads: the bootstrap servers, and the voters."""
    local = state.settings.local_endpoints.get(state.settings.listener_name)
    found = dict.fromkeys(state.settings.bootstrap_servers)
    for voter in state.history.voters:
        address = voter.endpoints.get(state.settings.listener_name)
        if address is not None:
            found.setdefault(address)
    return [server for server in found if server != local]
