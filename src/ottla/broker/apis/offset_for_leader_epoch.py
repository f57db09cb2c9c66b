"""OffsetForLeaderEpoch (23): where a leader epoch ended, so that a reader finds out whether what it has is still the
truth.

| version | what changed                                            | KIP |
|---------|---------------------------------------------------------|-----|
| 2       | current leader epoch                                    | 320 |
| 3       | replica id (unused: any reader gets the same answer)    | 392 |
| 4       | tagged fields                                           | 482 |

The answer is the largest epoch that is not above the one asked for, and its end; -1 and -1 where none is known. Kafka's
`Partition.lastOffsetForLeaderEpoch`.
"""

from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.offset_for_leader_epoch import (
    EpochEndOffset,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
)
from ottla.protocol.errors import ErrorCode


class OffsetForLeaderEpochHandler:
    def __init__(self, manager: ReplicaManager) -> None:
        self._manager = manager

    def __call__(self, context: RequestContext, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse:
        return OffsetForLeaderEpochResponse(
            topics=[
                OffsetForLeaderTopicResult(
                    topic=topic.topic, partitions=[self._look_up(topic.topic, wanted) for wanted in topic.partitions]
                )
                for topic in request.topics
            ]
        )

    def _look_up(self, topic: str, wanted: OffsetForLeaderPartition) -> EpochEndOffset:
        partition = self._manager.find(topic, wanted.partition)
        if isinstance(partition, ErrorCode):
            return EpochEndOffset(partition=wanted.partition, error_code=partition)
        error = partition.epoch_error(wanted.current_leader_epoch)
        if error is not ErrorCode.NONE:
            return EpochEndOffset(partition=wanted.partition, error_code=error)
        found = partition.log.end_offset_for_epoch(wanted.leader_epoch)
        if found is None:
            return EpochEndOffset(partition=wanted.partition, error_code=0)
        return EpochEndOffset(partition=wanted.partition, error_code=0, leader_epoch=found[0], end_offset=found[1])
