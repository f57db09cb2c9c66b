"""Which handler serves which API: the whole truth. ApiVersions is computed from this table.

To serve one more API, write its handler in `broker/apis/`, and a line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.apis.alter_configs import AlterConfigsHandler
from ottla.broker.apis.api_versions import ApiVersionsHandler
from ottla.broker.apis.create_partitions import CreatePartitionsHandler
from ottla.broker.apis.create_topics import CreateTopicsHandler
from ottla.broker.apis.delete_groups import DeleteGroupsHandler
from ottla.broker.apis.delete_records import DeleteRecordsHandler
from ottla.broker.apis.delete_topics import DeleteTopicsHandler
from ottla.broker.apis.describe_cluster import DescribeClusterHandler
from ottla.broker.apis.describe_configs import DescribeConfigsHandler
from ottla.broker.apis.describe_groups import DescribeGroupsHandler
from ottla.broker.apis.describe_log_dirs import DescribeLogDirsHandler
from ottla.broker.apis.describe_topic_partitions import DescribeTopicPartitionsHandler
from ottla.broker.apis.fetch import FetchHandler
from ottla.broker.apis.find_coordinator import FindCoordinatorHandler
from ottla.broker.apis.heartbeat import HeartbeatHandler
from ottla.broker.apis.incremental_alter_configs import IncrementalAlterConfigsHandler
from ottla.broker.apis.init_producer_id import InitProducerIdHandler, ProducerIds
from ottla.broker.apis.join_group import JoinGroupHandler
from ottla.broker.apis.leave_group import LeaveGroupHandler
from ottla.broker.apis.list_config_resources import ListConfigResourcesHandler
from ottla.broker.apis.list_groups import ListGroupsHandler
from ottla.broker.apis.list_offsets import ListOffsetsHandler
from ottla.broker.apis.metadata import MetadataHandler
from ottla.broker.apis.offset_commit import OffsetCommitHandler
from ottla.broker.apis.offset_delete import OffsetDeleteHandler
from ottla.broker.apis.offset_fetch import OffsetFetchHandler
from ottla.broker.apis.offset_for_leader_epoch import OffsetForLeaderEpochHandler
from ottla.broker.apis.produce import ProduceHandler
from ottla.broker.apis.sync_group import SyncGroupHandler
from ottla.protocol.api_keys import ApiKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.parts import Parts
    from ottla.broker.request_context import Handler

HANDLERS: dict[ApiKey, Callable[[Parts], Handler]] = {
    ApiKey.PRODUCE: lambda parts: ProduceHandler(parts.replicas, parts.clock, parts.timers),
    ApiKey.FETCH: lambda parts: FetchHandler(
        parts.replicas, parts.fetch_sessions, parts.clock, parts.timers, parts.config.get_int("fetch.max.bytes")
    ),
    ApiKey.LIST_OFFSETS: lambda parts: ListOffsetsHandler(parts.replicas),
    ApiKey.METADATA: lambda parts: MetadataHandler(
        parts.controller,
        cluster_id=parts.cluster_id,
        node_id=parts.config.node_id,
        auto_create_topics=parts.config.get_bool("auto.create.topics.enable"),
        create_internal_topic=parts.create_internal_topic,
    ),
    ApiKey.OFFSET_COMMIT: lambda parts: OffsetCommitHandler(parts.groups, parts.image),
    ApiKey.OFFSET_FETCH: lambda parts: OffsetFetchHandler(parts.groups, parts.image),
    ApiKey.FIND_COORDINATOR: lambda parts: FindCoordinatorHandler(
        parts.groups, parts.image, parts.create_internal_topic
    ),
    ApiKey.JOIN_GROUP: lambda parts: JoinGroupHandler(parts.groups),
    ApiKey.HEARTBEAT: lambda parts: HeartbeatHandler(parts.groups),
    ApiKey.LEAVE_GROUP: lambda parts: LeaveGroupHandler(parts.groups),
    ApiKey.SYNC_GROUP: lambda parts: SyncGroupHandler(parts.groups),
    ApiKey.DESCRIBE_GROUPS: lambda parts: DescribeGroupsHandler(parts.groups),
    ApiKey.LIST_GROUPS: lambda parts: ListGroupsHandler(parts.groups),
    ApiKey.API_VERSIONS: lambda parts: ApiVersionsHandler(HANDLERS, parts.image),
    ApiKey.CREATE_TOPICS: lambda parts: CreateTopicsHandler(parts.controller),
    ApiKey.DELETE_TOPICS: lambda parts: DeleteTopicsHandler(
        parts.controller, enabled=parts.config.get_bool("delete.topic.enable")
    ),
    ApiKey.DELETE_RECORDS: lambda parts: DeleteRecordsHandler(parts.replicas),
    ApiKey.INIT_PRODUCER_ID: lambda parts: InitProducerIdHandler(ProducerIds(parts.controller, parts.config.node_id)),
    ApiKey.OFFSET_FOR_LEADER_EPOCH: lambda parts: OffsetForLeaderEpochHandler(parts.replicas),
    ApiKey.DESCRIBE_CONFIGS: lambda parts: DescribeConfigsHandler(
        parts.controller, parts.dynamic_config, node_id=parts.config.node_id
    ),
    ApiKey.ALTER_CONFIGS: lambda parts: AlterConfigsHandler(parts.controller, node_id=parts.config.node_id),
    ApiKey.DESCRIBE_LOG_DIRS: lambda parts: DescribeLogDirsHandler(parts.replicas, parts.log_directories),
    ApiKey.CREATE_PARTITIONS: lambda parts: CreatePartitionsHandler(parts.controller),
    ApiKey.DELETE_GROUPS: lambda parts: DeleteGroupsHandler(parts.groups),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: lambda parts: IncrementalAlterConfigsHandler(
        parts.controller, node_id=parts.config.node_id
    ),
    ApiKey.OFFSET_DELETE: lambda parts: OffsetDeleteHandler(parts.groups, parts.image),
    ApiKey.DESCRIBE_CLUSTER: lambda parts: DescribeClusterHandler(
        parts.controller, cluster_id=parts.cluster_id, node_id=parts.config.node_id
    ),
    ApiKey.LIST_CONFIG_RESOURCES: lambda parts: ListConfigResourcesHandler(parts.controller),
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: lambda parts: DescribeTopicPartitionsHandler(
        parts.controller, max_partitions=parts.config.get_int("max.request.partition.size.limit")
    ),
}


def make_table(parts: Parts) -> dict[ApiKey, Handler]:
    return {key: make(parts) for key, make in HANDLERS.items()}
