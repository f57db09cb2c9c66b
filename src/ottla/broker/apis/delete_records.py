"""DeleteRecords (21): move the start of partitions forward; what stands below is gone for readers at once.

| version | what changed                          | KIP |
|---------|---------------------------------------|-----|
| 0       | an offset, or -1: the high watermark  | 107 |
| 2       | tagged fields                         | 482 |

The low watermark answered is the smallest log start of the live replicas, once they all have deleted what was asked
for, or `REQUEST_TIMED_OUT`. Kafka's `ReplicaManager.deleteRecords`, `Partition.deleteRecordsOnLeader`.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeAlias

from ottla.broker.replica.partition import Partition
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


Waiting: TypeAlias = list[tuple[DeleteRecordsPartitionResult, Partition, asyncio.Future[ErrorCode]]]


class DeleteRecordsHandler:
    def __init__(self, manager: ReplicaManager) -> None:
        self._manager = manager

    def __call__(
        self, context: RequestContext, request: DeleteRecordsRequest
    ) -> DeleteRecordsResponse | Awaitable[DeleteRecordsResponse]:
        topics = []
        waiting: Waiting = []
        for topic in request.topics:
            results = []
            for wanted in topic.partitions:
                result = DeleteRecordsPartitionResult(
                    partition_index=wanted.partition_index, low_watermark=NO_LOW_WATERMARK, error_code=0
                )
                outcome = self._delete(topic.name, wanted.partition_index, wanted.offset)
                if isinstance(outcome, ErrorCode):
                    result.error_code = outcome
                else:
                    partition, offset = outcome
                    result.low_watermark = partition.low_watermark
                    deleted = partition.deleted_everywhere(offset)
                    if deleted is not None:
                        waiting.append((result, partition, deleted))
                results.append(result)
            topics.append(DeleteRecordsTopicResult(name=topic.name, partitions=results))
        response = DeleteRecordsResponse(topics=topics)
        return _wait(response, waiting, request.timeout_ms) if waiting else response

    def _delete(self, topic: str, index: int, offset: int) -> tuple[Partition, int] | ErrorCode:
        """The partition and the offset that all its replicas are to begin at, or why nothing was deleted."""
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
        return partition, offset


async def _wait(response: DeleteRecordsResponse, waiting: Waiting, timeout_ms: int) -> DeleteRecordsResponse:
    await asyncio.wait([deleted for _, _, deleted in waiting], timeout=max(0, timeout_ms) / 1000)
    for result, partition, deleted in waiting:
        error = deleted.result() if deleted.done() else ErrorCode.REQUEST_TIMED_OUT
        deleted.cancel()  # nobody waits any more
        result.error_code = error
        result.low_watermark = NO_LOW_WATERMARK if error else partition.low_watermark
    return response
