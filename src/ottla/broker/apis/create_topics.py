"""CreateTopics (19): topics by count or by manual assignment, with configs; or only a check whether they could be.

| version | what changed                                             | KIP |
|---------|----------------------------------------------------------|-----|
| 2       | validate_only (since 1)                                  | 4   |
| 4       | -1: the broker's default partitions and replication      | 464 |
| 5       | tagged fields; the answer has counts and configs         | 482, 525 |
| 6       | THROTTLING_QUOTA_EXCEEDED may be answered                | 599 |
| 7       | topic ids in the answer                                  | 516 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.result import special_message
from ottla.metadata.controller.topics import create_topics
from ottla.protocol.api.create_topics import CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.errors import KafkaError


class CreateTopicsHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(self, context: RequestContext, request: CreateTopicsRequest) -> CreateTopicsResponse:
        controller = self._controller
        defaults = controller.settings.topic_defaults
        try:
            return await controller.submit(
                partial(create_topics, schema=controller.schema, defaults=defaults, request=request)
            )
        except KafkaError as error:
            return CreateTopicsResponse(
                topics=[
                    CreatableTopicResult(name=name, error_code=error.code, error_message=special_message(error))
                    for name in dict.fromkeys(topic.name for topic in request.topics)
                ]
            )
