"""The parts of a running node. `broker.node` makes them; `broker.api_table` hands them to the handlers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC, GroupCoordinator
from ottla.broker.coordinator.partition_log import ReplicaManagerLog
from ottla.broker.coordinator.runtime import CoordinatorRuntime, RuntimeConfig, Serde
from ottla.broker.coordinator.transaction_coordinator import TRANSACTION_STATE_TOPIC, TransactionCoordinator
from ottla.broker.dynamic_config import DynamicServerConfig
from ottla.broker.settings import group_settings, transaction_settings
from ottla.coordinator.group.records import decode_record, encode_record
from ottla.coordinator.group.shard import GroupShard
from ottla.coordinator.transaction import records as transaction_records
from ottla.protocol.record_batch import CompressionType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ottla.broker.apis.describe_log_dirs import LogDirectory
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.client_metrics import ClientMetrics
    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.controller_channel import ControllerChannel
    from ottla.broker.coordinator.producer_ids import ProducerIds
    from ottla.broker.coordinator.transaction_coordinator import Enrolment, Markers, ProducerIdBlocks
    from ottla.broker.coordinator.transaction_markers import TransactionMarkers
    from ottla.broker.forwarding import Forwarding
    from ottla.broker.peer.absences import Absences
    from ottla.broker.replica.fetch_session import FetchSessionCache
    from ottla.broker.replica.replica_manager import ReplicaManager
    from ottla.broker.share.share_parts import ShareParts
    from ottla.coordinator.group.share.share_groups import ShareSettings
    from ottla.coordinator.result import CoordinatorTimers
    from ottla.coordinator.transaction.shard import TransactionShard
    from ottla.log.replica_mover import ReplicaMover
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.time import Clock, Timers
    from ottla.runtime.turn import Turn


@dataclass(slots=True, kw_only=True)
class Parts:
    config: ServerConfig
    cluster_id: str
    clock: Clock
    timers: Timers
    turn: Turn
    controller: ControllerShell
    channel: ControllerChannel
    """To whoever is the active controller."""
    replicas: ReplicaManager
    fetch_sessions: FetchSessionCache
    groups: GroupCoordinator
    producer_ids: ProducerIds
    transaction_markers: TransactionMarkers
    transactions: TransactionCoordinator
    enrolment: Enrolment
    """Of partitions in transactions, before they are appended to."""
    log_directories: Sequence[LogDirectory]
    create_internal_topic: Callable[[str], Awaitable[None]]
    dynamic_config: DynamicServerConfig
    client_metrics: Callable[[], ClientMetrics]
    """Made when it is first asked for."""
    share: Callable[[], ShareParts]
    """Made when it is first asked for."""
    absences: Absences | None = None
    """`None`: there are no other brokers."""
    forwarding: Forwarding | None = None
    """`None`: the active controller is always here."""
    receives_telemetry: bool = False
    replica_mover: Callable[[], ReplicaMover] | None = None
    """Made when it is first asked for."""
    authorizer: Authorizer | None = None
    """`None`: everybody may do everything."""

    def image(self) -> MetadataImage:
        """The newest committed metadata."""
        return self.controller.image


def make_client_metrics(
    config: ServerConfig, controller: ControllerShell, clock: Clock, new_uuid: Callable[[], bytes]
) -> ClientMetrics:
    """Kept up to date with the subscriptions of the metadata."""
    from ottla.broker.client_metrics import ClientMetrics

    metrics = ClientMetrics(clock, new_uuid, config.get_int("telemetry.max.bytes"))
    controller.subscribe(metrics.on_metadata)
    return metrics


def make_group_coordinator(
    config: ServerConfig,
    replicas: ReplicaManager,
    clock: Clock,
    timers: Timers,
    new_uuid: Callable[[], bytes],
    report: Callable[[str], None],
) -> GroupCoordinator:
    """The coordinator of groups over `__consumer_offsets`."""
    settings = group_settings(config)

    def share_settings() -> ShareSettings:
        from ottla.broker.share.group_configs import ShareGroupConfigs
        from ottla.coordinator.group.share.share_groups import ShareSettings

        configs = ShareGroupConfigs(config, lambda: coordinator.image)
        return ShareSettings(configs.of_all(), configs.of)

    runtime = CoordinatorRuntime(
        ReplicaManagerLog(replicas, GROUP_METADATA_TOPIC),
        Serde(encode_record, decode_record),
        lambda shard_timers: GroupShard(
            settings,
            clock,
            shard_timers,
            lambda: str(uuid.UUID(bytes=new_uuid())),
            lambda: coordinator.image,
            share_settings,
        ),
        clock,
        timers,
        RuntimeConfig(
            write_timeout_ms=settings.offsets_commit_timeout_ms,
            load_buffer_bytes=settings.offsets_load_buffer_size,
            compression=CompressionType(config.get_int("offsets.topic.compression.codec")),
        ),
        report,
    )
    partition_count = config.get_int("offsets.topic.num.partitions")
    coordinator = GroupCoordinator(runtime, settings, node_id=config.node_id, partition_count=partition_count)
    return coordinator


def make_transaction_coordinator(
    config: ServerConfig,
    replicas: ReplicaManager,
    markers: Markers,
    producer_ids: ProducerIdBlocks,
    clock: Clock,
    timers: Timers,
    report: Callable[[str], None],
) -> TransactionCoordinator:
    """The coordinator of transactions over `__transaction_state`."""
    settings = transaction_settings(config)
    dynamic = DynamicServerConfig(config)

    def make_runtime(
        new_shard: Callable[[CoordinatorTimers], TransactionShard],
    ) -> CoordinatorRuntime[TransactionShard]:
        return CoordinatorRuntime(
            ReplicaManagerLog(replicas, TRANSACTION_STATE_TOPIC),
            Serde(transaction_records.encode_record, transaction_records.decode_record),
            new_shard,
            clock,
            timers,
            RuntimeConfig(
                write_timeout_ms=settings.write_timeout_ms,
                load_buffer_bytes=settings.load_buffer_size,
                is_settled_first=True,
            ),
            report,
        )

    return TransactionCoordinator(
        make_runtime,
        settings,
        clock,
        producer_ids=producer_ids,
        markers=markers,
        node_id=config.node_id,
        partition_count=config.get_int("transaction.state.log.num.partitions"),
        verifies=lambda image: dynamic(image).get_bool("transaction.partition.verification.enable"),
    )
