"""Which handler serves which API: the whole truth. ApiVersions is computed from this table.

To serve one more API, write its handler in `broker/apis/`, a function that makes it, and a line in the table. Handlers
are imported when the first request comes for them, or soon after the start (`Dispatcher.warm_up`): a node is up sooner.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ottla.broker.admin_api_table import ADMIN_HANDLERS
from ottla.broker.cluster_api_table import CLUSTER_HANDLERS, TELEMETRY
from ottla.protocol.api_keys import API, ApiKey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ottla.broker.parts import Parts
    from ottla.broker.request_context import Handler


def _produce(parts: Parts) -> Handler:
    from ottla.broker.apis.produce import ProduceHandler
    from ottla.broker.coordinator.produce_enrolment import ProduceEnrolment

    enrolment = ProduceEnrolment(parts.replicas, parts.enrolment)
    return ProduceHandler(parts.replicas, parts.clock, parts.timers, enrolment)


def _fetch(parts: Parts) -> Handler:
    from ottla.broker.apis.fetch import FetchHandler
    from ottla.broker.replica.read_replica import RACK_AWARE

    return FetchHandler(
        parts.replicas,
        parts.fetch_sessions,
        parts.clock,
        parts.timers,
        parts.config.get_int("fetch.max.bytes"),
        parts.authorizer,
        parts.turn,
        sends_to_racks=parts.config.get_optional_str("replica.selector.class") == RACK_AWARE,
    )


def _list_offsets(parts: Parts) -> Handler:
    from ottla.broker.apis.list_offsets import ListOffsetsHandler

    return ListOffsetsHandler(parts.replicas)


def _metadata(parts: Parts) -> Handler:
    from ottla.broker.apis.metadata import MetadataHandler

    return MetadataHandler(
        parts.image,
        cluster_id=parts.cluster_id,
        node_id=parts.config.node_id,
        auto_create_topics=parts.config.get_bool("auto.create.topics.enable"),
        create_internal_topic=parts.create_internal_topic,
        channel=parts.channel,
        absences=parts.absences,
    )


def _offset_commit(parts: Parts) -> Handler:
    from ottla.broker.apis.offset_commit import OffsetCommitHandler

    return OffsetCommitHandler(parts.groups, parts.image)


def _offset_fetch(parts: Parts) -> Handler:
    from ottla.broker.apis.offset_fetch import OffsetFetchHandler

    return OffsetFetchHandler(parts.groups, parts.image)


def _find_coordinator(parts: Parts) -> Handler:
    from ottla.broker.apis.find_coordinator import GROUP, SHARE, TRANSACTION, FindCoordinatorHandler

    partitions = {
        GROUP: parts.groups.partition_for,
        TRANSACTION: parts.transactions.partition_for,
        SHARE: lambda key: parts.share().states.partition_for(key),
    }
    return FindCoordinatorHandler(partitions, parts.image, parts.create_internal_topic, parts.absences)


def _join_group(parts: Parts) -> Handler:
    from ottla.broker.apis.join_group import JoinGroupHandler

    return JoinGroupHandler(parts.groups)


def _heartbeat(parts: Parts) -> Handler:
    from ottla.broker.apis.heartbeat import HeartbeatHandler

    return HeartbeatHandler(parts.groups)


def _leave_group(parts: Parts) -> Handler:
    from ottla.broker.apis.leave_group import LeaveGroupHandler

    return LeaveGroupHandler(parts.groups)


def _sync_group(parts: Parts) -> Handler:
    from ottla.broker.apis.sync_group import SyncGroupHandler

    return SyncGroupHandler(parts.groups)


def _describe_groups(parts: Parts) -> Handler:
    from ottla.broker.apis.describe_groups import DescribeGroupsHandler

    return DescribeGroupsHandler(parts.groups)


def _consumer_group_heartbeat(parts: Parts) -> Handler:
    from ottla.broker.apis.consumer_group_heartbeat import ConsumerGroupHeartbeatHandler

    enabled = "consumer" in parts.config.get_list("group.coordinator.rebalance.protocols")
    return ConsumerGroupHeartbeatHandler(parts.groups, parts.image, parts.authorizer, enabled=enabled)


def _consumer_group_describe(parts: Parts) -> Handler:
    from ottla.broker.apis.consumer_group_describe import ConsumerGroupDescribeHandler

    enabled = "consumer" in parts.config.get_list("group.coordinator.rebalance.protocols")
    return ConsumerGroupDescribeHandler(parts.groups, parts.image, enabled=enabled)


def _list_groups(parts: Parts) -> Handler:
    from ottla.broker.apis.list_groups import ListGroupsHandler

    return ListGroupsHandler(parts.groups)


def _api_versions(parts: Parts) -> Handler:
    from ottla.broker.apis.api_versions import ApiVersionsHandler

    return ApiVersionsHandler(advertised(parts), parts.image, lambda: parts.controller.history.kraft_version)


def _describe_client_quotas(parts: Parts) -> Handler:
    from ottla.broker.apis.describe_client_quotas import DescribeClientQuotasHandler

    return DescribeClientQuotasHandler(parts.image)


def _delete_records(parts: Parts) -> Handler:
    from ottla.broker.apis.delete_records import DeleteRecordsHandler

    return DeleteRecordsHandler(parts.replicas)


def _init_producer_id(parts: Parts) -> Handler:
    from ottla.broker.apis.init_producer_id import InitProducerIdHandler

    return InitProducerIdHandler(parts.producer_ids, parts.transactions)


def _offset_for_leader_epoch(parts: Parts) -> Handler:
    from ottla.broker.apis.offset_for_leader_epoch import OffsetForLeaderEpochHandler

    return OffsetForLeaderEpochHandler(parts.replicas)


def _add_partitions_to_txn(parts: Parts) -> Handler:
    from ottla.broker.apis.add_partitions_to_txn import AddPartitionsToTxnHandler

    return AddPartitionsToTxnHandler(parts.transactions, parts.image)


def _add_offsets_to_txn(parts: Parts) -> Handler:
    from ottla.broker.apis.add_offsets_to_txn import AddOffsetsToTxnHandler

    return AddOffsetsToTxnHandler(parts.transactions, parts.groups)


def _end_txn(parts: Parts) -> Handler:
    from ottla.broker.apis.end_txn import EndTxnHandler

    return EndTxnHandler(parts.transactions)


def _write_txn_markers(parts: Parts) -> Handler:
    from ottla.broker.apis.write_txn_markers import WriteTxnMarkersHandler

    return WriteTxnMarkersHandler(parts.transaction_markers)


def _txn_offset_commit(parts: Parts) -> Handler:
    from ottla.broker.apis.txn_offset_commit import TxnOffsetCommitHandler

    return TxnOffsetCommitHandler(parts.groups, parts.enrolment, parts.image)


def _describe_producers(parts: Parts) -> Handler:
    from ottla.broker.apis.describe_producers import DescribeProducersHandler

    return DescribeProducersHandler(parts.replicas)


def _describe_transactions(parts: Parts) -> Handler:
    from ottla.broker.apis.describe_transactions import DescribeTransactionsHandler

    return DescribeTransactionsHandler(parts.transactions)


def _list_transactions(parts: Parts) -> Handler:
    from ottla.broker.apis.list_transactions import ListTransactionsHandler

    return ListTransactionsHandler(parts.transactions)


def _alter_configs(parts: Parts) -> Handler:
    from ottla.broker.apis.alter_configs import AlterConfigsHandler

    return AlterConfigsHandler(parts.controller, node_id=parts.config.node_id, forwarding=parts.forwarding)


def _describe_log_dirs(parts: Parts) -> Handler:
    from ottla.broker.apis.describe_log_dirs import DescribeLogDirsHandler

    return DescribeLogDirsHandler(parts.replicas, parts.log_directories)


def _alter_replica_log_dirs(parts: Parts) -> Handler:
    from ottla.broker.apis.alter_replica_log_dirs import AlterReplicaLogDirsHandler

    assert parts.replica_mover is not None
    return AlterReplicaLogDirsHandler(parts.replicas, parts.replica_mover, parts.config.log_dirs)


def _delete_groups(parts: Parts) -> Handler:
    from ottla.broker.apis.delete_groups import DeleteGroupsHandler

    return DeleteGroupsHandler(parts.groups, lambda group_id: parts.share().groups.delete_group(group_id))


def _incremental_alter_configs(parts: Parts) -> Handler:
    from ottla.broker.apis.incremental_alter_configs import IncrementalAlterConfigsHandler

    return IncrementalAlterConfigsHandler(parts.controller, node_id=parts.config.node_id, forwarding=parts.forwarding)


def _offset_delete(parts: Parts) -> Handler:
    from ottla.broker.apis.offset_delete import OffsetDeleteHandler

    return OffsetDeleteHandler(parts.groups, parts.image)


def _describe_cluster(parts: Parts) -> Handler:
    from ottla.broker.apis.describe_cluster import DescribeClusterHandler

    return DescribeClusterHandler(parts.controller, cluster_id=parts.cluster_id, node_id=parts.config.node_id)


def _list_config_resources(parts: Parts) -> Handler:
    from ottla.broker.apis.list_config_resources import ListConfigResourcesHandler

    return ListConfigResourcesHandler(parts.controller)


def _describe_topic_partitions(parts: Parts) -> Handler:
    from ottla.broker.apis.describe_topic_partitions import DescribeTopicPartitionsHandler

    return DescribeTopicPartitionsHandler(
        parts.controller, max_partitions=parts.config.get_int("max.request.partition.size.limit")
    )


def _share_group_heartbeat(parts: Parts) -> Handler:
    from ottla.broker.apis.share_group_heartbeat import ShareGroupHeartbeatHandler

    return ShareGroupHeartbeatHandler(parts.share().groups, parts.replicas)


def _share_group_describe(parts: Parts) -> Handler:
    from ottla.broker.apis.share_group_describe import ShareGroupDescribeHandler

    return ShareGroupDescribeHandler(parts.share().groups)


def _share_fetch(parts: Parts) -> Handler:
    from ottla.broker.apis.share_fetch import ShareFetchHandler

    return ShareFetchHandler(
        parts.share().partitions, parts.replicas, parts.timers, parts.config.get_int("fetch.max.bytes")
    )


def _share_acknowledge(parts: Parts) -> Handler:
    from ottla.broker.apis.share_acknowledge import ShareAcknowledgeHandler

    return ShareAcknowledgeHandler(parts.share().partitions, parts.replicas)


def _streams_group_heartbeat(parts: Parts) -> Handler:
    from ottla.broker.apis.streams_group_heartbeat import StreamsGroupHeartbeatHandler
    from ottla.broker.coordinator.streams_internal_topics import StreamsInternalTopics

    return StreamsGroupHeartbeatHandler(
        parts.groups,
        parts.image,
        parts.authorizer,
        StreamsInternalTopics(parts.channel, parts.clock),
        enabled="streams" in parts.config.get_list("group.coordinator.rebalance.protocols"),
    )


def _streams_group_describe(parts: Parts) -> Handler:
    from ottla.broker.apis.streams_group_describe import StreamsGroupDescribeHandler

    enabled = "streams" in parts.config.get_list("group.coordinator.rebalance.protocols")
    return StreamsGroupDescribeHandler(parts.groups, parts.image, enabled=enabled)


def _initialize_share_group_state(parts: Parts) -> Handler:
    from ottla.broker.apis.initialize_share_group_state import InitializeShareGroupStateHandler

    return InitializeShareGroupStateHandler(parts.share().states)


def _read_share_group_state(parts: Parts) -> Handler:
    from ottla.broker.apis.read_share_group_state import ReadShareGroupStateHandler

    return ReadShareGroupStateHandler(parts.share().states)


def _write_share_group_state(parts: Parts) -> Handler:
    from ottla.broker.apis.write_share_group_state import WriteShareGroupStateHandler

    return WriteShareGroupStateHandler(parts.share().states)


def _delete_share_group_state(parts: Parts) -> Handler:
    from ottla.broker.apis.delete_share_group_state import DeleteShareGroupStateHandler

    return DeleteShareGroupStateHandler(parts.share().states)


def _read_share_group_state_summary(parts: Parts) -> Handler:
    from ottla.broker.apis.read_share_group_state_summary import ReadShareGroupStateSummaryHandler

    return ReadShareGroupStateSummaryHandler(parts.share().states)


def _describe_share_group_offsets(parts: Parts) -> Handler:
    from ottla.broker.apis.describe_share_group_offsets import DescribeShareGroupOffsetsHandler

    return DescribeShareGroupOffsetsHandler(parts.share().groups)


def _alter_share_group_offsets(parts: Parts) -> Handler:
    from ottla.broker.apis.alter_share_group_offsets import AlterShareGroupOffsetsHandler

    return AlterShareGroupOffsetsHandler(parts.share().groups)


def _delete_share_group_offsets(parts: Parts) -> Handler:
    from ottla.broker.apis.delete_share_group_offsets import DeleteShareGroupOffsetsHandler

    return DeleteShareGroupOffsetsHandler(parts.share().groups)


HANDLERS: dict[ApiKey, Callable[[Parts], Handler]] = {
    ApiKey.PRODUCE: _produce,
    ApiKey.FETCH: _fetch,
    ApiKey.LIST_OFFSETS: _list_offsets,
    ApiKey.METADATA: _metadata,
    ApiKey.OFFSET_COMMIT: _offset_commit,
    ApiKey.OFFSET_FETCH: _offset_fetch,
    ApiKey.FIND_COORDINATOR: _find_coordinator,
    ApiKey.JOIN_GROUP: _join_group,
    ApiKey.HEARTBEAT: _heartbeat,
    ApiKey.LEAVE_GROUP: _leave_group,
    ApiKey.SYNC_GROUP: _sync_group,
    ApiKey.DESCRIBE_GROUPS: _describe_groups,
    ApiKey.LIST_GROUPS: _list_groups,
    ApiKey.API_VERSIONS: _api_versions,
    ApiKey.DELETE_RECORDS: _delete_records,
    ApiKey.INIT_PRODUCER_ID: _init_producer_id,
    ApiKey.OFFSET_FOR_LEADER_EPOCH: _offset_for_leader_epoch,
    ApiKey.ADD_PARTITIONS_TO_TXN: _add_partitions_to_txn,
    ApiKey.ADD_OFFSETS_TO_TXN: _add_offsets_to_txn,
    ApiKey.END_TXN: _end_txn,
    ApiKey.WRITE_TXN_MARKERS: _write_txn_markers,
    ApiKey.TXN_OFFSET_COMMIT: _txn_offset_commit,
    ApiKey.ALTER_CONFIGS: _alter_configs,
    ApiKey.ALTER_REPLICA_LOG_DIRS: _alter_replica_log_dirs,
    ApiKey.DESCRIBE_LOG_DIRS: _describe_log_dirs,
    ApiKey.DELETE_GROUPS: _delete_groups,
    ApiKey.INCREMENTAL_ALTER_CONFIGS: _incremental_alter_configs,
    ApiKey.OFFSET_DELETE: _offset_delete,
    ApiKey.DESCRIBE_CLIENT_QUOTAS: _describe_client_quotas,
    ApiKey.DESCRIBE_CLUSTER: _describe_cluster,
    ApiKey.DESCRIBE_PRODUCERS: _describe_producers,
    ApiKey.DESCRIBE_TRANSACTIONS: _describe_transactions,
    ApiKey.LIST_TRANSACTIONS: _list_transactions,
    ApiKey.LIST_CONFIG_RESOURCES: _list_config_resources,
    ApiKey.CONSUMER_GROUP_HEARTBEAT: _consumer_group_heartbeat,
    ApiKey.CONSUMER_GROUP_DESCRIBE: _consumer_group_describe,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: _describe_topic_partitions,
    ApiKey.SHARE_GROUP_HEARTBEAT: _share_group_heartbeat,
    ApiKey.SHARE_GROUP_DESCRIBE: _share_group_describe,
    ApiKey.SHARE_FETCH: _share_fetch,
    ApiKey.SHARE_ACKNOWLEDGE: _share_acknowledge,
    ApiKey.STREAMS_GROUP_HEARTBEAT: _streams_group_heartbeat,
    ApiKey.STREAMS_GROUP_DESCRIBE: _streams_group_describe,
    ApiKey.INITIALIZE_SHARE_GROUP_STATE: _initialize_share_group_state,
    ApiKey.READ_SHARE_GROUP_STATE: _read_share_group_state,
    ApiKey.WRITE_SHARE_GROUP_STATE: _write_share_group_state,
    ApiKey.DELETE_SHARE_GROUP_STATE: _delete_share_group_state,
    ApiKey.READ_SHARE_GROUP_STATE_SUMMARY: _read_share_group_state_summary,
    ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS: _describe_share_group_offsets,
    ApiKey.ALTER_SHARE_GROUP_OFFSETS: _alter_share_group_offsets,
    ApiKey.DELETE_SHARE_GROUP_OFFSETS: _delete_share_group_offsets,
    **CLUSTER_HANDLERS,
    **ADMIN_HANDLERS,
}


FORWARDING_BY_THEMSELVES: Final = frozenset((ApiKey.ALTER_CONFIGS, ApiKey.INCREMENTAL_ALTER_CONFIGS))
"""Some of what they are asked belongs to this node."""


def advertised(parts: Parts) -> Collection[ApiKey]:
    """Every API, but telemetry only where somebody receives it: clients need not ask in vain."""
    return HANDLERS if parts.receives_telemetry else HANDLERS.keys() - {*TELEMETRY}


def handler_makers(parts: Parts) -> dict[ApiKey, Callable[[], Handler]]:
    """What makes each handler of a node; where there is an authorizer, behind its guard."""
    authorizer = parts.authorizer
    if authorizer is None:
        return {key: partial(_make, key, parts) for key in HANDLERS}

    def make_guarded(key: ApiKey) -> Handler:
        from ottla.broker.authorizer.guards import guard_handler

        return guard_handler(key, _make(key, parts), authorizer)

    return {key: partial(make_guarded, key) for key in HANDLERS}


def _make(key: ApiKey, parts: Parts) -> Handler:
    """What only the active controller can serve is forwarded, should it be elsewhere."""
    handler = HANDLERS[key](parts)
    if parts.forwarding is None or not API[key].forwardable or key in FORWARDING_BY_THEMSELVES:
        return handler
    from ottla.broker.forwarding import ForwardingHandler

    return ForwardingHandler(handler, parts.forwarding)
