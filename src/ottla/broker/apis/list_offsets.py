"""ListOffsets (2): which offset belongs to a timestamp, or where a partition begins and ends.

| version | what changed                                   | KIP  |
|---------|------------------------------------------------|------|
| 2       | isolation level                                | 98   |
| 4       | current leader epoch; leader epoch answered    | 320  |
| 7       | -3: the record with the largest timestamp      | 734  |
| 8       | -4: earliest offset on the local disk          | 405  |
| 9       | -5: latest offset in tiered storage            | 1005 |
| 10      | a timeout for reads from tiered storage        | 1075 |
| 11      | -6: earliest offset not yet in tiered storage  | 1023 |

Nothing is tiered here, so the earliest local offset is the earliest, and -5 and -6 answer offset -1 with leader epoch
-1. A timestamp that no record reaches is answered with offset -1. A leader whose high watermark is still below the
start of its epoch does not know what is committed: it has no latest offset yet (KIP-207). Kafka's
`ReplicaManager.fetchOffset`, `Partition.fetchOffsetForTimestamp`.
"""

from collections import Counter
from typing import Final

from ottla.broker.replica.partition import Partition
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import InvalidBatchError

LATEST: Final = -1
EARLIEST: Final = -2
MAX_TIMESTAMP: Final = -3
EARLIEST_LOCAL: Final = -4
LATEST_TIERED: Final = -5
EARLIEST_PENDING_UPLOAD: Final = -6
TIERED: Final = (LATEST_TIERED, EARLIEST_PENDING_UPLOAD)
SINCE: Final = {
    LATEST: 1,
    EARLIEST: 1,
    MAX_TIMESTAMP: 7,
    EARLIEST_LOCAL: 8,
    LATEST_TIERED: 9,
    EARLIEST_PENDING_UPLOAD: 11,
}
"""The special timestamps, and the version that each appeared in."""

LEADER_EPOCH_SINCE: Final = 4
OFFSET_NOT_AVAILABLE_SINCE: Final = 5

CONSUMER: Final = -1
READ_COMMITTED: Final = 1
UNKNOWN: Final = -1


class ListOffsetsHandler:
    def __init__(self, manager: ReplicaManager) -> None:
        self._manager = manager

    def __call__(self, context: RequestContext, request: ListOffsetsRequest) -> ListOffsetsResponse:
        asked = Counter((topic.name, wanted.partition_index) for topic in request.topics for wanted in topic.partitions)
        topics = []
        for topic in request.topics:
            partitions = []
            for wanted in topic.partitions:
                if asked[topic.name, wanted.partition_index] > 1:
                    partitions.append(_error(wanted, ErrorCode.INVALID_REQUEST))
                elif wanted.timestamp < 0 and context.api_version < SINCE.get(
                    wanted.timestamp, context.api_version + 1
                ):
                    partitions.append(_error(wanted, ErrorCode.UNSUPPORTED_VERSION))
                else:
                    partitions.append(self._look_up(request, context.api_version, topic.name, wanted))
            topics.append(ListOffsetsTopicResponse(name=topic.name, partitions=partitions))
        return ListOffsetsResponse(topics=topics)

    def _look_up(
        self, request: ListOffsetsRequest, version: int, topic: str, wanted: ListOffsetsPartition
    ) -> ListOffsetsPartitionResponse:
        partition = self._manager.find(topic, wanted.partition_index)
        if isinstance(partition, ErrorCode):
            return _error(wanted, partition)
        error = partition.epoch_error(wanted.current_leader_epoch)
        if error is not ErrorCode.NONE:
            return _error(wanted, error)
        try:
            offset, timestamp_ms, leader_epoch = _offset_for(
                partition, wanted.timestamp, _end_visible_to(partition, request)
            )
        except OSError as failure:
            self._manager.disk_failed(partition, failure)
            return _error(wanted, ErrorCode.KAFKA_STORAGE_ERROR)
        except InvalidBatchError:  # the batch that holds the timestamp is damaged
            return _error(wanted, ErrorCode.CORRUPT_MESSAGE)
        if (
            partition.lags_behind_epoch
            and request.replica_id == CONSUMER
            and (wanted.timestamp == LATEST or (offset == UNKNOWN and wanted.timestamp not in TIERED))
        ):
            known = version >= OFFSET_NOT_AVAILABLE_SINCE
            return _error(wanted, ErrorCode.OFFSET_NOT_AVAILABLE if known else ErrorCode.LEADER_NOT_AVAILABLE)
        return ListOffsetsPartitionResponse(
            partition_index=wanted.partition_index,
            error_code=0,
            timestamp=timestamp_ms,
            offset=offset,
            leader_epoch=leader_epoch if version >= LEADER_EPOCH_SINCE else UNKNOWN,
        )


def _end_visible_to(partition: Partition, request: ListOffsetsRequest) -> int:
    """The first offset that whoever asks may not see yet."""
    log = partition.log
    if request.replica_id != CONSUMER:
        return log.log_end_offset
    return log.last_stable_offset if request.isolation_level == READ_COMMITTED else log.high_watermark


def _offset_for(partition: Partition, timestamp_ms: int, end: int) -> tuple[int, int, int]:
    """(offset, timestamp, leader epoch), each -1 where there is none."""
    log = partition.log
    if timestamp_ms == LATEST:
        return end, UNKNOWN, partition.leader_epoch
    if timestamp_ms in (EARLIEST, EARLIEST_LOCAL):
        start = log.log_start_offset
        return start, UNKNOWN, log.epochs.at_offset(start)
    if timestamp_ms in TIERED:
        return UNKNOWN, UNKNOWN, UNKNOWN
    if timestamp_ms == MAX_TIMESTAMP:
        found = log.offset_of_max_timestamp()
    else:
        found = log.offset_for_timestamp(timestamp_ms)
    if found is None or found.offset >= end:
        return UNKNOWN, UNKNOWN, UNKNOWN
    return found.offset, found.timestamp_ms, found.leader_epoch


def _error(wanted: ListOffsetsPartition, error: ErrorCode) -> ListOffsetsPartitionResponse:
    return ListOffsetsPartitionResponse(partition_index=wanted.partition_index, error_code=error)
