"""What replication is made of on a node: its settings, its peers, its way to the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.peer.peers import Peers
from ottla.broker.replica.alter_partitions import AlterPartitions
from ottla.broker.replica.fetcher.fetcher_state import FetcherSettings
from ottla.broker.replica.leadership import LeaderContext
from ottla.broker.replica.replication import Replication
from ottla.broker.replica.replication_quota import FOLLOWER, LEADER, ReplicationQuota

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.peer.absences import Absences
    from ottla.broker.peer.peer import PeerContext
    from ottla.broker.replica.alter_partitions import Channel
    from ottla.broker.replica.replica_manager import ReplicaManager
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.time import Clock


def fetcher_settings(config: ServerConfig) -> FetcherSettings:
    return FetcherSettings(
        node_id=config.node_id,
        min_bytes=config.get_int("replica.fetch.min.bytes"),
        max_wait_ms=config.get_int("replica.fetch.wait.max.ms"),
        max_bytes=config.get_int("replica.fetch.response.max.bytes"),
        partition_max_bytes=config.get_int("replica.fetch.max.bytes"),
        backoff_ms=config.get_int("replica.fetch.backoff.ms"),
        socket_timeout_ms=config.get_int("replica.socket.timeout.ms"),
    )


def make_replication(
    config: ServerConfig,
    manager: ReplicaManager,
    peers: PeerContext,
    channel: Channel,
    *,
    broker_epoch: Callable[[], int],
    answer_followers: Callable[[], None],
    undo: Callable[[Callable[[], object]], object],
    report: Callable[[str], None],
    absences: Absences,
) -> Replication:
    """`peers`: how this node connects to the inter-broker listener. `undo` is told what is to be done at the stop."""
    clock, timers = peers.clock, peers.timers
    lag_time_max_ms = config.get_int("replica.lag.time.max.ms")
    isr_changes = AlterPartitions(channel, timers, broker_id=config.node_id, broker_epoch=broker_epoch, report=report)
    undo(isr_changes.close)
    replication = Replication(
        LeaderContext(
            node_id=config.node_id,
            clock=clock,
            cluster=lambda: manager.image.cluster,
            broker_epoch=broker_epoch,
            isr_changes=isr_changes,
            lag_time_max_ms=lambda: lag_time_max_ms,
            quota=_quota(config, LEADER, clock),
        ),
        fetcher_settings(config),
        Peers(peers, config.inter_broker_listener_name, lambda: manager.image, absences.lost).dedicated,
        timers=timers,
        manager=manager,
        report=report,
        follower_quota=_quota(config, FOLLOWER, clock),
        answer_followers=answer_followers,
    )
    undo(replication.close)
    return replication


def _quota(config: ServerConfig, side: str, clock: Clock) -> ReplicationQuota:
    return ReplicationQuota(
        side,
        config.node_id,
        clock,
        windows=config.get_int("replication.quota.window.num"),
        window_ms=config.get_int("replication.quota.window.size.seconds") * 1000,
    )
