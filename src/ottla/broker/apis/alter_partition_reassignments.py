"""AlterPartitionReassignments (45): moves partitions to other brokers, or takes the move back.

| version | what changed                                            | KIP |
|---------|---------------------------------------------------------|-----|
| 0       |                                                         | 455 |
| 1       | a change of the replication factor may be forbidden     | 860 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.reassignments import alter_partition_reassignments
from ottla.protocol.api.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError


class AlterPartitionReassignmentsHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(
        self, context: RequestContext, request: AlterPartitionReassignmentsRequest
    ) -> AlterPartitionReassignmentsResponse:
        if not request.topics:
            return AlterPartitionReassignmentsResponse(
                error_code=ErrorCode.NONE,
                error_message="",
                allow_replication_factor_change=request.allow_replication_factor_change,
                responses=[],
            )
        controller = self._controller
        decision = partial(alter_partition_reassignments, schema=controller.schema, request=request)
        try:
            return await controller.submit(decision)
        except KafkaError as error:
            return AlterPartitionReassignmentsResponse(error_code=error.code, error_message=error.message, responses=[])
