"""ReadShareGroupStateSummary (87): where share partitions start, without what is in flight.

| version | what changed            | KIP  |
|---------|-------------------------|------|
| 0       |                         | 932  |
| 1       | delivery complete count | 1226 |

Each share partition is answered by itself; one that is coordinated elsewhere is `NOT_COORDINATOR`.
"""

from ottla.broker.coordinator.share_coordinator import ShareCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.share.shard import Refusal
from ottla.coordinator.share.share_partition_state import SharePartitionKey, SharePartitionState
from ottla.protocol.api.read_share_group_state_summary import (
    PartitionResult,
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
    ReadStateSummaryResult,
)
from ottla.protocol.errors import ErrorCode


class ReadShareGroupStateSummaryHandler:
    def __init__(self, states: ShareCoordinator) -> None:
        self._states = states

    def __call__(
        self, context: RequestContext, request: ReadShareGroupStateSummaryRequest
    ) -> ReadShareGroupStateSummaryResponse:
        results: list[ReadStateSummaryResult] = []
        for topic in request.topics:
            partitions: list[PartitionResult] = []
            for each in topic.partitions:
                key = SharePartitionKey(request.group_id, topic.topic_id, each.partition)
                partitions.append(_outcome(each.partition, self._states.read_summary(key)))
            results.append(ReadStateSummaryResult(topic_id=topic.topic_id, partitions=partitions))
        return ReadShareGroupStateSummaryResponse(results=results)


def _outcome(partition: int, state: SharePartitionState | Refusal) -> PartitionResult:
    if isinstance(state, Refusal):
        return PartitionResult(
            partition=partition,
            error_code=state.error,
            error_message=state.message,
            state_epoch=0,
            leader_epoch=0,
            start_offset=0,
        )
    return PartitionResult(
        partition=partition,
        error_code=ErrorCode.NONE,
        state_epoch=state.state_epoch,
        leader_epoch=state.leader_epoch,
        start_offset=state.start_offset,
        delivery_complete_count=state.delivery_complete_count,
    )
