"""ListPartitionReassignments (46): which partitions are on the move.

| version | what changed                               | KIP |
|---------|--------------------------------------------|-----|
| 0       |                                            | 455 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.reassignments import list_partition_reassignments
from ottla.protocol.api.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from ottla.protocol.errors import KafkaError


class ListPartitionReassignmentsHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(
        self, context: RequestContext, request: ListPartitionReassignmentsRequest
    ) -> ListPartitionReassignmentsResponse:
        try:
            return await self._controller.submit(partial(list_partition_reassignments, request=request))
        except KafkaError as error:
            return ListPartitionReassignmentsResponse(error_code=error.code, error_message=error.message, topics=[])
