"""DescribeProducers (61): who writes to partitions, and which transactions are open there (KIP-664)."""

from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.topic_names import is_valid_topic_name
from ottla.protocol.api.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    PartitionResponse,
    ProducerState,
    TopicResponse,
)
from ottla.protocol.errors import ErrorCode

NO_OFFSET = -1


class DescribeProducersHandler:
    def __init__(self, replicas: ReplicaManager) -> None:
        self._replicas = replicas

    def __call__(self, context: RequestContext, request: DescribeProducersRequest) -> DescribeProducersResponse:
        return DescribeProducersResponse(
            topics=[
                TopicResponse(
                    name=topic.name, partitions=[self._describe(topic.name, index) for index in topic.partition_indexes]
                )
                for topic in request.topics
            ]
        )

    def _describe(self, topic: str, index: int) -> PartitionResponse:
        if not is_valid_topic_name(topic):
            error = ErrorCode.INVALID_TOPIC_EXCEPTION
            return PartitionResponse(
                partition_index=index, error_code=error, error_message=error.message, active_producers=[]
            )
        partition = self._replicas.find(topic, index)
        error = partition if isinstance(partition, ErrorCode) else partition.epoch_error(-1)
        if isinstance(partition, ErrorCode) or error is not ErrorCode.NONE:
            return PartitionResponse(
                partition_index=index, error_code=error, error_message=error.message, active_producers=[]
            )
        producers = [
            ProducerState(
                producer_id=entry.producer_id,
                producer_epoch=entry.epoch,
                last_sequence=entry.last_sequence,
                last_timestamp=entry.last_timestamp_ms,
                coordinator_epoch=entry.coordinator_epoch,
                current_txn_start_offset=(
                    NO_OFFSET if entry.transaction_first_offset is None else entry.transaction_first_offset
                ),
            )
            for entry in partition.log.producers.entries.values()
        ]
        return PartitionResponse(partition_index=index, error_code=ErrorCode.NONE, active_producers=producers)
