"""DeleteShareGroupState (86): the state of share partitions ends.

| version | what changed | KIP |
|---------|--------------|-----|
| 0       |              | 932 |

Each share partition is answered by itself; one that is coordinated elsewhere is `NOT_COORDINATOR`.
"""

from ottla.broker.coordinator.eventually import Eventually
from ottla.broker.coordinator.share_coordinator import ShareCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.share.shard import Refusal
from ottla.coordinator.share.share_partition_state import SharePartitionKey
from ottla.protocol.api.delete_share_group_state import (
    DeleteShareGroupStateRequest,
    DeleteShareGroupStateResponse,
    DeleteStateResult,
    PartitionResult,
)
from ottla.protocol.errors import ErrorCode


class DeleteShareGroupStateHandler:
    def __init__(self, states: ShareCoordinator) -> None:
        self._states = states

    async def __call__(
        self, context: RequestContext, request: DeleteShareGroupStateRequest
    ) -> DeleteShareGroupStateResponse:
        results: list[DeleteStateResult] = []
        for topic in request.topics:
            partitions: list[PartitionResult] = []
            for each in topic.partitions:
                key = SharePartitionKey(request.group_id, topic.topic_id, each.partition)
                partitions.append(await _outcome(each.partition, self._states.delete(key)))
            results.append(DeleteStateResult(topic_id=topic.topic_id, partitions=partitions))
        return DeleteShareGroupStateResponse(results=results)


async def _outcome(partition: int, answer: Eventually[Refusal | None]) -> PartitionResult:
    refusal = answer if answer is None or isinstance(answer, Refusal) else await answer
    if refusal is None:
        return PartitionResult(partition=partition, error_code=ErrorCode.NONE)
    return PartitionResult(partition=partition, error_code=refusal.error, error_message=refusal.message)
