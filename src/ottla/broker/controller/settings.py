"""What the quorum, and a controller, are told by configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from ottla.metadata.controller.topics import TopicDefaults
from ottla.metadata.registration import Endpoint
from ottla.raft.settings import Address, RaftSettings
from ottla.raft.voter_set import VoterSet

NO_VOTERS = VoterSet(())


@dataclass(frozen=True, slots=True, kw_only=True)
class QuorumSettings:
    node_id: int
    cluster_id: str
    metadata_directory: PurePath
    """The log directory that has `__cluster_metadata-0`."""
    directory_id: bytes
    """Of that log directory."""
    controller_endpoints: Sequence[Endpoint] = ()
    """Where this node listens, if it is a controller."""
    listener_name: str = "CONTROLLER"
    """Through which replicas speak with each other: the first of `controller.listener.names`."""
    static_voters: VoterSet = NO_VOTERS
    """`controller.quorum.voters`: who votes where neither log nor snapshot say."""
    bootstrap_servers: Sequence[Address] = ()
    """`controller.quorum.bootstrap.servers`"""
    election_timeout_ms: int = 1000
    fetch_timeout_ms: int = 2000
    election_backoff_max_ms: int = 1000
    request_timeout_ms: int = 2000
    retry_backoff_ms: int = 20
    fetch_max_bytes: int = 1024 * 1024
    fetch_snapshot_max_bytes: int = 1024 * 1024
    auto_join: bool = False
    snapshot_after_bytes: int = 20 * 1024 * 1024
    """`metadata.log.max.record.bytes.between.snapshots`"""
    snapshot_after_ms: int = 3_600_000
    """`metadata.log.max.snapshot.interval.ms`; 0 switches it off."""
    segment_bytes: int = 1024 * 1024 * 1024
    """`metadata.log.segment.bytes`"""
    segment_ms: int = 604_800_000
    """`metadata.log.segment.ms`"""
    retention_bytes: int = 100 * 1024 * 1024
    """`metadata.max.retention.bytes`"""
    retention_ms: int = 604_800_000
    """`metadata.max.retention.ms`"""

    def of_raft(self) -> RaftSettings:
        return RaftSettings(
            cluster_id=self.cluster_id,
            listener_name=self.listener_name,
            local_endpoints={one.listener_name: (one.host, one.port) for one in self.controller_endpoints},
            bootstrap_servers=self.bootstrap_servers,
            election_timeout_ms=self.election_timeout_ms,
            fetch_timeout_ms=self.fetch_timeout_ms,
            election_backoff_max_ms=self.election_backoff_max_ms,
            request_timeout_ms=self.request_timeout_ms,
            retry_backoff_ms=self.retry_backoff_ms,
            fetch_max_bytes=self.fetch_max_bytes,
            fetch_snapshot_max_bytes=self.fetch_snapshot_max_bytes,
            auto_join=self.auto_join,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    incarnation_id: bytes
    """Of this run of the controller."""
    topic_defaults: TopicDefaults = field(default_factory=TopicDefaults)
    min_insync_replicas: int = 1
    max_idle_interval_ms: int = 500
    """`metadata.max.idle.interval.ms`; 0 switches no-op records off."""
    session_timeout_ms: int = 9_000
    """`broker.session.timeout.ms`"""
    leader_balance_interval_ms: int | None = 300_000
    """`leader.imbalance.check.interval.seconds`; `None`: not `auto.leader.rebalance.enable`."""
    unclean_election_interval_ms: int = 300_000
    """`unclean.leader.election.interval.ms`"""
    token_sweep_interval_ms: int | None = None
    """`delegation.token.expiry.check.interval.ms`; `None`: there are no delegation tokens."""
