"""WriteShareGroupState (85): the leader of share partitions says what changed.

| version | what changed            | KIP  |
|---------|-------------------------|------|
| 0       |                         | 932  |
| 1       | delivery complete count | 1226 |

Each share partition is answered by itself; one that is coordinated elsewhere is `NOT_COORDINATOR`.
"""

from ottla.broker.coordinator.eventually import Eventually
from ottla.broker.coordinator.share_coordinator import ShareCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.share.shard import Refusal, Write
from ottla.coordinator.share.share_partition_state import SharePartitionKey
from ottla.coordinator.share.state_batch import StateBatch as KeptBatch
from ottla.protocol.api.write_share_group_state import (
    PartitionResult,
    WriteShareGroupStateRequest,
    WriteShareGroupStateResponse,
    WriteStateResult,
)
from ottla.protocol.errors import ErrorCode


class WriteShareGroupStateHandler:
    def __init__(self, states: ShareCoordinator) -> None:
        self._states = states

    async def __call__(
        self, context: RequestContext, request: WriteShareGroupStateRequest
    ) -> WriteShareGroupStateResponse:
        results: list[WriteStateResult] = []
        for topic in request.topics:
            partitions: list[PartitionResult] = []
            for each in topic.partitions:
                key = SharePartitionKey(request.group_id, topic.topic_id, each.partition)
                batches = [
                    KeptBatch(one.first_offset, one.last_offset, one.delivery_state, one.delivery_count)
                    for one in each.state_batches
                ]
                write = Write(
                    each.state_epoch, each.leader_epoch, each.start_offset, each.delivery_complete_count, batches
                )
                partitions.append(await _outcome(each.partition, self._states.write(key, write)))
            results.append(WriteStateResult(topic_id=topic.topic_id, partitions=partitions))
        return WriteShareGroupStateResponse(results=results)


async def _outcome(partition: int, answer: Eventually[Refusal | None]) -> PartitionResult:
    refusal = answer if answer is None or isinstance(answer, Refusal) else await answer
    if refusal is None:
        return PartitionResult(partition=partition, error_code=ErrorCode.NONE)
    return PartitionResult(partition=partition, error_code=refusal.error, error_message=refusal.message)
