"""ReadShareGroupState (84): the leader of share partitions takes over their state.

| version | what changed | KIP |
|---------|--------------|-----|
| 0       |              | 932 |

Each share partition is answered by itself; one that is coordinated elsewhere is `NOT_COORDINATOR`.
"""

from ottla.broker.coordinator.eventually import Eventually
from ottla.broker.coordinator.share_coordinator import ShareCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.share.shard import Refusal
from ottla.coordinator.share.share_partition_state import SharePartitionKey, SharePartitionState
from ottla.protocol.api.read_share_group_state import (
    PartitionResult,
    ReadShareGroupStateRequest,
    ReadShareGroupStateResponse,
    ReadStateResult,
    StateBatch,
)
from ottla.protocol.errors import ErrorCode


class ReadShareGroupStateHandler:
    def __init__(self, states: ShareCoordinator) -> None:
        self._states = states

    async def __call__(
        self, context: RequestContext, request: ReadShareGroupStateRequest
    ) -> ReadShareGroupStateResponse:
        results: list[ReadStateResult] = []
        for topic in request.topics:
            partitions: list[PartitionResult] = []
            for each in topic.partitions:
                key = SharePartitionKey(request.group_id, topic.topic_id, each.partition)
                answer = self._states.read(key, each.leader_epoch)
                partitions.append(await _outcome(each.partition, answer))
            results.append(ReadStateResult(topic_id=topic.topic_id, partitions=partitions))
        return ReadShareGroupStateResponse(results=results)


async def _outcome(partition: int, answer: Eventually[SharePartitionState | Refusal]) -> PartitionResult:
    state = answer if isinstance(answer, SharePartitionState | Refusal) else await answer
    if isinstance(state, Refusal):
        return PartitionResult(
            partition=partition,
            error_code=state.error,
            error_message=state.message,
            state_epoch=0,
            start_offset=0,
            state_batches=[],
        )
    return PartitionResult(
        partition=partition,
        error_code=ErrorCode.NONE,
        state_epoch=state.state_epoch,
        start_offset=state.start_offset,
        state_batches=[
            StateBatch(
                first_offset=batch.first_offset,
                last_offset=batch.last_offset,
                delivery_state=batch.delivery_state,
                delivery_count=batch.delivery_count,
            )
            for batch in state.state_batches
        ],
    )
