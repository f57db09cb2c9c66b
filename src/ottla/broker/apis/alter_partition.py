"""AlterPartition (56): the leader of a partition tells who is in sync.

| version | what changed                                                    | KIP |
|---------|-----------------------------------------------------------------|-----|
| 2       | topics by their ids                                             | 841 |
| 3       | the epochs of the brokers in sync                               | 903 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.alter_partition import alter_partition
from ottla.protocol.api.alter_partition import AlterPartitionRequest, AlterPartitionResponse
from ottla.protocol.errors import KafkaError


class AlterPartitionHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(self, context: RequestContext, request: AlterPartitionRequest) -> AlterPartitionResponse:
        controller = self._controller
        decision = partial(alter_partition, schema=controller.schema, request=request, api_version=context.api_version)
        try:
            return await controller.submit(decision)
        except KafkaError as error:
            return AlterPartitionResponse(error_code=error.code, topics=[])
