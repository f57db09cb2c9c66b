"""CreatePartitions (37): raises the partition count of topics.

| version | what changed                                   | KIP |
|---------|------------------------------------------------|-----|
| 0       | a new count, or manual assignments             | 195 |
| 2       | tagged fields                                  | 482 |
| 3       | THROTTLING_QUOTA_EXCEEDED may be answered      | 599 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.partitions import create_partitions
from ottla.metadata.controller.result import special_message
from ottla.protocol.api.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopicResult,
)
from ottla.protocol.errors import KafkaError


class CreatePartitionsHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(self, context: RequestContext, request: CreatePartitionsRequest) -> CreatePartitionsResponse:
        try:
            return await self._controller.submit(partial(create_partitions, request=request))
        except KafkaError as error:
            return CreatePartitionsResponse(
                results=[
                    CreatePartitionsTopicResult(name=name, error_code=error.code, error_message=special_message(error))
                    for name in dict.fromkeys(topic.name for topic in request.topics)
                ]
            )
