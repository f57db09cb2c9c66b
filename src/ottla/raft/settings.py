"""What a replica of the quorum is told by configuration: `controller.quorum.*`, with Kafka's defaults. KIP-595, 853."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

Address: TypeAlias = tuple[str, int]
Endpoints: TypeAlias = Mapping[str, Address]
"""Listener name -> (host, port)."""


_NOWHERE: Endpoints = {}


class RaftSettings(NamedTuple):
    cluster_id: str
    listener_name: str = "CONTROLLER"
    """Through which replicas speak with each other: the first of `controller.listener.names`."""
    local_endpoints: Endpoints = _NOWHERE
    """Where this replica listens, should it become a voter."""
    bootstrap_servers: Sequence[Address] = ()
    """Whom to ask who leads."""
    election_timeout_ms: int = 1000
    """At least this long, at most twice that, between an election that failed and the next."""
    fetch_timeout_ms: int = 2000
    """A follower that has not fetched for this long looks for another leader."""
    election_backoff_max_ms: int = 1000
    """How long the last of the preferred successors waits after a leader resigned."""
    request_timeout_ms: int = 2000
    retry_backoff_ms: int = 20
    fetch_max_wait_ms: int = 500
    """How long a leader may wait for news before it answers; below the two time-outs."""
    fetch_max_bytes: int = 1024 * 1024
    fetch_snapshot_max_bytes: int = 1024 * 1024
    auto_join: bool = False
    """`controller.quorum.auto.join.enable` of a controller: ask to vote."""
