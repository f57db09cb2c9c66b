"""DeleteTopics (20): topics by name, or by id.

| version | what changed                                        | KIP |
|---------|-----------------------------------------------------|-----|
| 1       | by name                                             | 4   |
| 3       | TOPIC_DELETION_DISABLED may be answered             | 322 |
| 4       | tagged fields                                       | 482 |
| 5       | error messages; THROTTLING_QUOTA_EXCEEDED           | 599 |
| 6       | by name or by id                                    | 516 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.result import special_message
from ottla.metadata.controller.topics import delete_topics
from ottla.protocol.api.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID

FIRST_WITH_DELETION_DISABLED = 3
FIRST_WITH_IDS = 6


class DeleteTopicsHandler:
    """`enabled`: `delete.topic.enable`"""

    def __init__(self, controller: ControllerShell, *, enabled: bool) -> None:
        self._controller = controller
        self._enabled = enabled

    async def __call__(self, context: RequestContext, request: DeleteTopicsRequest) -> DeleteTopicsResponse:
        topics = request.topics
        if context.api_version < FIRST_WITH_IDS:
            topics = [DeleteTopicState(name=name, topic_id=ZERO_UUID) for name in request.topic_names]
        if not self._enabled:
            known = context.api_version >= FIRST_WITH_DELETION_DISABLED
            code = ErrorCode.TOPIC_DELETION_DISABLED if known else ErrorCode.INVALID_REQUEST
            return _failed(topics, KafkaError(code))
        try:
            results = await self._controller.submit(partial(delete_topics, topics=topics))
        except KafkaError as error:
            return _failed(topics, error)
        return DeleteTopicsResponse(responses=results)


def _failed(topics: list[DeleteTopicState], error: KafkaError) -> DeleteTopicsResponse:
    return DeleteTopicsResponse(
        responses=[
            DeletableTopicResult(
                name=topic.name, topic_id=topic.topic_id, error_code=error.code, error_message=special_message(error)
            )
            for topic in topics
        ]
    )
