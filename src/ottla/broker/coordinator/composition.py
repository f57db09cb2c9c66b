"""The group coordinator of a node put together from its configuration, and the handlers that ask it."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from ottla.broker.apis.delete_groups import DeleteGroupsHandler
from ottla.broker.apis.describe_groups import DescribeGroupsHandler
from ottla.broker.apis.find_coordinator import FindCoordinatorHandler
from ottla.broker.apis.heartbeat import HeartbeatHandler
from ottla.broker.apis.join_group import JoinGroupHandler
from ottla.broker.apis.leave_group import LeaveGroupHandler
from ottla.broker.apis.list_groups import ListGroupsHandler
from ottla.broker.apis.offset_commit import OffsetCommitHandler
from ottla.broker.apis.offset_delete import OffsetDeleteHandler
from ottla.broker.apis.offset_fetch import OffsetFetchHandler
from ottla.broker.apis.sync_group import SyncGroupHandler
from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC, GroupCoordinator
from ottla.broker.coordinator.internal_topics import InternalTopic
from ottla.broker.coordinator.partition_log import PartitionLog
from ottla.broker.coordinator.runtime import CoordinatorRuntime, RuntimeConfig, Serde
from ottla.broker.request_context import Handler
from ottla.coordinator.group.config import GroupCoordinatorConfig
from ottla.coordinator.group.records import decode_record, encode_record
from ottla.coordinator.group.shard import GroupShard
from ottla.coordinator.result import CoordinatorTimers
from ottla.metadata.image import MetadataImage
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.record_batch import CompressionType
from ottla.runtime.config.server_config import ServerConfig
from ottla.runtime.time import Clock, Timers

MS_PER_MINUTE: Final = 60_000


def group_coordinator_config(config: ServerConfig) -> GroupCoordinatorConfig:
    return GroupCoordinatorConfig(
        group_max_size=config.get_int("group.max.size"),
        group_initial_rebalance_delay_ms=config.get_int("group.initial.rebalance.delay.ms"),
        group_min_session_timeout_ms=config.get_int("group.min.session.timeout.ms"),
        group_max_session_timeout_ms=config.get_int("group.max.session.timeout.ms"),
        offset_metadata_max_bytes=config.get_int("offset.metadata.max.bytes"),
        offsets_retention_ms=config.get_int("offsets.retention.minutes") * MS_PER_MINUTE,
        offsets_retention_check_interval_ms=config.get_int("offsets.retention.check.interval.ms"),
        offsets_commit_timeout_ms=config.get_int("offsets.commit.timeout.ms"),
        offsets_load_buffer_size=config.get_int("offsets.load.buffer.size"),
    )


def group_metadata_topic(config: ServerConfig) -> InternalTopic:
    """`__consumer_offsets`, as GroupCoordinatorService.groupMetadataTopicConfigs has it."""
    return InternalTopic(
        GROUP_METADATA_TOPIC,
        partitions=config.get_int("offsets.topic.num.partitions"),
        replication_factor=config.get_int("offsets.topic.replication.factor"),
        configs=(
            ("cleanup.policy", "compact"),
            ("compression.type", "producer"),
            ("segment.bytes", str(config.get_int("offsets.topic.segment.bytes"))),
        ),
    )


def make_group_coordinator(
    config: ServerConfig, log: PartitionLog, clock: Clock, timers: Timers, report: Callable[[str], None]
) -> GroupCoordinator:
    """`log` is that of `__consumer_offsets`. Subscribe `on_metadata` after the replica manager's."""
    bounds = group_coordinator_config(config)

    def new_shard(keyed: CoordinatorTimers) -> GroupShard:
        return GroupShard(bounds, clock, keyed, lambda: str(uuid.uuid4()))

    runtime = CoordinatorRuntime(
        log,
        Serde(encode_record, decode_record),
        new_shard,
        clock,
        timers,
        RuntimeConfig(
            write_timeout_ms=bounds.offsets_commit_timeout_ms,
            load_buffer_bytes=bounds.offsets_load_buffer_size,
            compression=CompressionType(config.get_int("offsets.topic.compression.codec")),
        ),
        report,
    )
    return GroupCoordinator(
        runtime,
        bounds,
        node_id=config.node_id,
        partition_count=config.get_int("offsets.topic.num.partitions"),
    )


def group_handlers(
    coordinator: GroupCoordinator, create_topic: Callable[[str], Awaitable[None]], image: Callable[[], MetadataImage]
) -> dict[ApiKey, Handler]:
    """The rows of the API table that this coordinator serves. `create_topic` is `InternalTopics.create`."""
    return {
        ApiKey.FIND_COORDINATOR: FindCoordinatorHandler(coordinator, image, create_topic),
        ApiKey.JOIN_GROUP: JoinGroupHandler(coordinator),
        ApiKey.SYNC_GROUP: SyncGroupHandler(coordinator),
        ApiKey.HEARTBEAT: HeartbeatHandler(coordinator),
        ApiKey.LEAVE_GROUP: LeaveGroupHandler(coordinator),
        ApiKey.OFFSET_COMMIT: OffsetCommitHandler(coordinator, image),
        ApiKey.OFFSET_FETCH: OffsetFetchHandler(coordinator, image),
        ApiKey.OFFSET_DELETE: OffsetDeleteHandler(coordinator, image),
        ApiKey.DESCRIBE_GROUPS: DescribeGroupsHandler(coordinator),
        ApiKey.LIST_GROUPS: ListGroupsHandler(coordinator),
        ApiKey.DELETE_GROUPS: DeleteGroupsHandler(coordinator),
    }
