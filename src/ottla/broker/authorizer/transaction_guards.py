"""Who may have producer ids and transactions: WRITE of the transactional id, or, without one, of any topic (KIP-679).
Kafka's `KafkaApis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.broker.authorizer.guard import Guard, split, then
from ottla.metadata.acls import AclOperation, ResourceType
from ottla.protocol.api import add_partitions_to_txn as partitions
from ottla.protocol.api import describe_transactions as described
from ottla.protocol.api import init_producer_id as producer
from ottla.protocol.api import list_transactions as listed
from ottla.protocol.api import txn_offset_commit as commit
from ottla.protocol.api import write_txn_markers as markers
from ottla.protocol.api.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Answer, Handler, RequestContext

ID_REFUSED: Final = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
GROUP_REFUSED: Final = ErrorCode.GROUP_AUTHORIZATION_FAILED
TOPIC_REFUSED: Final = ErrorCode.TOPIC_AUTHORIZATION_FAILED
CLUSTER_REFUSED: Final = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
_BATCHED_SINCE: Final = 4  # AddPartitionsToTxn


def _may_write(authorizer: Authorizer, context: RequestContext, transactional_id: str) -> bool:
    return authorizer.allows(context, AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, transactional_id)


def guard_init_producer_id(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: producer.InitProducerIdRequest
) -> Answer:
    name = request.transactional_id
    error = ErrorCode.NONE
    if name is not None:
        two_phase = AclOperation.TWO_PHASE_COMMIT
        if not _may_write(authorizer, context, name) or (
            request.enable2_pc and not authorizer.allows(context, two_phase, ResourceType.TRANSACTIONAL_ID, name)
        ):
            error = ID_REFUSED
    elif not authorizer.allows_cluster(context, AclOperation.IDEMPOTENT_WRITE) and not authorizer.allows_any_topic(
        context, AclOperation.WRITE
    ):
        error = CLUSTER_REFUSED
    if error is ErrorCode.NONE:
        return handler(context, request)
    return producer.InitProducerIdResponse(error_code=error, producer_id=-1, producer_epoch=-1)


def guard_add_partitions(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: partitions.AddPartitionsToTxnRequest
) -> Answer:
    if context.api_version >= _BATCHED_SINCE:  # brokers verify for their producers
        if authorizer.allows_cluster(context, AclOperation.CLUSTER_ACTION):
            return handler(context, request)
        return partitions.AddPartitionsToTxnResponse(error_code=CLUSTER_REFUSED)
    topics = request.v3_and_below_topics
    if not _may_write(authorizer, context, request.v3_and_below_transactional_id):
        errors = {topic.name: ID_REFUSED for topic in topics}
    else:
        refused = {
            topic.name for topic in topics if not authorizer.allows_topic(context, AclOperation.WRITE, topic.name)
        }
        if not refused:
            return handler(context, request)
        untried = ErrorCode.OPERATION_NOT_ATTEMPTED
        errors = {topic.name: TOPIC_REFUSED if topic.name in refused else untried for topic in topics}
    return partitions.AddPartitionsToTxnResponse(
        results_by_topic_v3_and_below=[
            partitions.AddPartitionsToTxnTopicResult(
                name=topic.name,
                results_by_partition=[
                    partitions.AddPartitionsToTxnPartitionResult(
                        partition_index=index, partition_error_code=errors[topic.name]
                    )
                    for index in topic.partitions
                ],
            )
            for topic in topics
        ]
    )


def guard_add_offsets(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: AddOffsetsToTxnRequest
) -> Answer:
    if not _may_write(authorizer, context, request.transactional_id):
        return AddOffsetsToTxnResponse(error_code=ID_REFUSED)
    if not authorizer.allows_group(context, AclOperation.READ, request.group_id):
        return AddOffsetsToTxnResponse(error_code=GROUP_REFUSED)
    return handler(context, request)


def guard_end(authorizer: Authorizer, handler: Handler, context: RequestContext, request: EndTxnRequest) -> Answer:
    if not _may_write(authorizer, context, request.transactional_id):
        return EndTxnResponse(error_code=ID_REFUSED)
    return handler(context, request)


def guard_offset_commit(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: commit.TxnOffsetCommitRequest
) -> Answer:
    error = TOPIC_REFUSED
    allowed: list[commit.TxnOffsetCommitRequestTopic] = []
    refused = request.topics
    if not _may_write(authorizer, context, request.transactional_id):
        error = ID_REFUSED
    elif not authorizer.allows_group(context, AclOperation.READ, request.group_id):
        error = GROUP_REFUSED
    else:
        allowed, refused = split(
            request.topics, lambda topic: authorizer.allows_topic(context, AclOperation.READ, topic.name)
        )
        if not refused:
            return handler(context, request)
    refusals = [
        commit.TxnOffsetCommitResponseTopic(
            name=topic.name,
            partitions=[
                commit.TxnOffsetCommitResponsePartition(partition_index=one.partition_index, error_code=error)
                for one in topic.partitions
            ],
        )
        for topic in refused
    ]
    if not allowed:
        return commit.TxnOffsetCommitResponse(topics=refusals)
    request.topics = allowed

    def merge(response: commit.TxnOffsetCommitResponse) -> commit.TxnOffsetCommitResponse:
        response.topics += refusals
        return response

    return then(handler(context, request), merge)


def guard_markers(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    if authorizer.allows_cluster(context, AclOperation.ALTER) or authorizer.allows_cluster(
        context, AclOperation.CLUSTER_ACTION
    ):
        return handler(context, request)
    return markers.WriteTxnMarkersResponse(
        markers=[
            markers.WritableTxnMarkerResult(
                producer_id=marker.producer_id,
                topics=[
                    markers.WritableTxnMarkerTopicResult(
                        name=topic.name,
                        partitions=[
                            markers.WritableTxnMarkerPartitionResult(partition_index=index, error_code=CLUSTER_REFUSED)
                            for index in topic.partition_indexes
                        ],
                    )
                    for topic in marker.topics
                ],
            )
            for marker in request.markers
        ]
    )


def guard_describe(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: described.DescribeTransactionsRequest
) -> Answer:
    request.transactional_ids, refused = split(
        request.transactional_ids,
        lambda name: authorizer.allows(context, AclOperation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, name),
    )

    def finish(response: described.DescribeTransactionsResponse) -> described.DescribeTransactionsResponse:
        for state in response.transaction_states:
            state.topics = [
                topic for topic in state.topics if authorizer.allows_topic(context, AclOperation.DESCRIBE, topic.topic)
            ]
        response.transaction_states += [
            described.TransactionState(
                error_code=ID_REFUSED,
                transactional_id=name,
                transaction_state="",
                transaction_timeout_ms=0,
                transaction_start_time_ms=0,
                producer_id=0,
                producer_epoch=0,
                topics=[],
            )
            for name in refused
        ]
        return response

    return then(handler(context, request), finish)


def guard_list(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: listed.ListTransactionsRequest
) -> Answer:
    def leave_out(response: listed.ListTransactionsResponse) -> listed.ListTransactionsResponse:
        response.transaction_states = [
            state
            for state in response.transaction_states
            if authorizer.allows(context, AclOperation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, state.transactional_id)
        ]
        return response

    return then(handler(context, request), leave_out)


GUARDS: dict[ApiKey, Guard] = {
    ApiKey.INIT_PRODUCER_ID: guard_init_producer_id,
    ApiKey.ADD_PARTITIONS_TO_TXN: guard_add_partitions,
    ApiKey.ADD_OFFSETS_TO_TXN: guard_add_offsets,
    ApiKey.END_TXN: guard_end,
    ApiKey.TXN_OFFSET_COMMIT: guard_offset_commit,
    ApiKey.WRITE_TXN_MARKERS: guard_markers,
    ApiKey.DESCRIBE_TRANSACTIONS: guard_describe,
    ApiKey.LIST_TRANSACTIONS: guard_list,
}
