"""Kafka's messages about the one partition of `__cluster_metadata`, built and looked into. KIP-595, 853; `RaftUtil`."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from ottla.raft.election_state import NOBODY
from ottla.raft.inbound import Inbound
from ottla.raft.settings import Endpoints
from ottla.raft.state import QuorumState

TOPIC = "__cluster_metadata"
TOPIC_ID = bytes(15) + b"\x01"
"""`Uuid.METADATA_TOPIC_ID`"""
PARTITION = 0

T = TypeVar("T")


def has_cluster_id(state: QuorumState, cluster_id: str | None) -> bool:
    """A request may leave it out."""
    return cluster_id is None or cluster_id == state.settings.cluster_id


def leader_node_endpoint(
    state: QuorumState, inbound: Inbound, since_version: int, make: Callable[[int, str, int], T]
) -> list[T]:
    """`NodeEndpoints` of an answer: where the leader listens, by the listener that the request came by."""
    leader_id = state.election.leader_id
    if inbound.api_version < since_version or leader_id == NOBODY:
        return []
    address = state.leader_endpoints.get(inbound.listener)
    return [make(leader_id, address[0], address[1])] if address is not None else []


class NodeEndpointLike(Protocol):
    node_id: int
    host: str
    port: int


def leader_endpoints(state: QuorumState, leader_id: int, endpoints: Iterable[NodeEndpointLike]) -> Endpoints:
    """Where the leader listens that an answer names: as it says, or as the voters say."""
    if leader_id == NOBODY:
        return {}
    for endpoint in endpoints:
        if endpoint.node_id == leader_id:
            return {state.settings.listener_name: (endpoint.host, endpoint.port)}
    return state.history.voters.endpoints(leader_id)
