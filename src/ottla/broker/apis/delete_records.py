"""DeleteRecords (21): move the start of partitions forward; what stands below is gone for readers at once.

| version | what changed                          | KIP |
|---------|---------------------------------------|-----|
| 0       | an offset, or -1: the high watermark  | 107 |
| 2       | tagged fields                         | 482 |

The low watermark answered is the smallest log start of the live replicas; this node is the only one, so nothing is
waited for. Kafka's `ReplicaManager.deleteRecords`, `Partition.deleteRecordsOnLeader`.
"""

from typing import Final

from ottla.broker.replica.replica_manager import INTERNAL_TOPICS, ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.delete_records import (
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
)
from ottla.protocol.errors import ErrorCode

HIGH_WATERMARK: Final = -1
NO_LOW_WATERMARK: Final = -1


class DeleteRecordsHandler:
    def __init__(self, manager: ReplicaManager) -> None:
        self._manager = manager

    def __call__(self, context: RequestContext, request: DeleteRecordsRequest) -> DeleteRecordsResponse:
        topics = []
        for topic in request.topics:
            results = []
            for wanted in topic.partitions:
                outcome = self._delete(topic.name, wanted.partition_index, wanted.offset)
                failed = isinstance(outcome, ErrorCode)
                results.append(
                    DeleteRecordsPartitionResult(
                        partition_index=wanted.partition_index,
                        low_watermark=NO_LOW_WATERMARK if failed else outcome,
                        error_code=outcome if failed else 0,
                    )
                )
            topics.append(DeleteRecordsTopicResult(name=topic.name, partitions=results))
        return DeleteRecordsResponse(topics=topics)

    def _delete(self, topic: str, index: int, offset: int) -> int | ErrorCode:
        """The low watermark after the deletion, or why there was none."""
        partition = self._manager.find(topic, index)
        if partition is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if topic in INTERNAL_TOPICS:
            return ErrorCode.INVALID_TOPIC_EXCEPTION
        if isinstance(partition, ErrorCode):
            return partition
        if not partition.is_leader:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        log = partition.log
        if not log.config.delete:
            return ErrorCode.POLICY_VIOLATION
        if offset == HIGH_WATERMARK:
            offset = log.high_watermark
        if not 0 <= offset <= log.high_watermark:
            return ErrorCode.OFFSET_OUT_OF_RANGE
        try:
            partition.delete_records(offset)
        except OSError as error:
            self._manager.disk_failed(partition, error)
            return ErrorCode.KAFKA_STORAGE_ERROR
        return log.log_start_offset
