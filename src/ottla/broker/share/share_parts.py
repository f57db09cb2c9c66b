"""The parts of a node that serve share groups, made when the first of their handlers is. `broker.node` holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.broker.coordinator.partition_log import ReplicaManagerLog
from ottla.broker.coordinator.runtime import CoordinatorRuntime, RuntimeConfig, Serde
from ottla.broker.coordinator.share_coordinator import SHARE_STATE_TOPIC, ShareCoordinator
from ottla.broker.coordinator.share_group_coordinator import ShareGroupCoordinator
from ottla.broker.share.share_partitions import SharePartitions
from ottla.coordinator.share.config import ShareCoordinatorConfig
from ottla.coordinator.share.records import decode_record, encode_record
from ottla.coordinator.share.shard import ShareCoordinatorShard
from ottla.protocol.record_batch import CompressionType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.broker.cluster_parts import ClusterParts
    from ottla.broker.coordinator.group_coordinator import GroupCoordinator
    from ottla.broker.replica.replica_manager import ReplicaManager
    from ottla.broker.share.group_configs import ShareGroupConfigs
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.time import Clock, Timers


@dataclass(slots=True, frozen=True)
class ShareParts:
    states: ShareCoordinator
    groups: ShareGroupCoordinator
    partitions: SharePartitions

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        """After the replica manager and the group coordinator have followed."""
        self.states.on_metadata(delta, image)
        self.groups.on_metadata(delta, image)
        self.partitions.on_metadata(delta, image)

    def close(self) -> None:
        self.partitions.close()
        self.groups.close()
        self.states.close()


def make_share_parts(
    config: ServerConfig,
    replicas: ReplicaManager,
    groups: GroupCoordinator,
    configs: ShareGroupConfigs,
    clock: Clock,
    timers: Timers,
    create_topic: Callable[[str], Awaitable[None]],
    report: Callable[[str], None],
    cluster: ClusterParts | None = None,
) -> ShareParts:
    """`cluster`: where share partitions are coordinated elsewhere, too."""
    settings = share_coordinator_settings(config)
    runtime = CoordinatorRuntime(
        ReplicaManagerLog(replicas, SHARE_STATE_TOPIC),
        Serde(encode_record, decode_record),
        lambda shard_timers: ShareCoordinatorShard(settings, clock, shard_timers, lambda: replicas.image),
        clock,
        timers,
        RuntimeConfig(
            write_timeout_ms=settings.write_timeout_ms,
            load_buffer_bytes=settings.load_buffer_size,
            compression=CompressionType(config.get_int("share.coordinator.state.topic.compression.codec")),
            is_compacted=False,
        ),
        report,
    )
    states = ShareCoordinator(
        runtime,
        settings,
        replicas,
        timers,
        create_topic,
        node_id=config.node_id,
        partition_count=config.get_int("share.coordinator.state.topic.num.partitions"),
    )
    everywhere = states if cluster is None else cluster.share_states(states)
    partitions = SharePartitions(
        replicas,
        everywhere,
        configs.of,
        clock,
        timers,
        max_sessions=config.get_int("group.share.max.share.sessions"),
    )
    share_groups = ShareGroupCoordinator(
        groups.runtime, groups.partition_for, everywhere, replicas, partitions.forget_group, report
    )
    return ShareParts(states, share_groups, partitions)


def share_coordinator_settings(config: ServerConfig) -> ShareCoordinatorConfig:
    return ShareCoordinatorConfig(
        snapshot_update_records_per_snapshot=config.get_int("share.coordinator.snapshot.update.records.per.snapshot"),
        write_timeout_ms=config.get_int("share.coordinator.write.timeout.ms"),
        load_buffer_size=config.get_int("share.coordinator.load.buffer.size"),
        state_topic_prune_interval_ms=config.get_int("share.coordinator.state.topic.prune.interval.ms"),
        cold_partition_snapshot_interval_ms=config.get_int("share.coordinator.cold.partition.snapshot.interval.ms"),
    )
