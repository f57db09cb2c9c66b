"""Internal topics are made when they are first needed. Kafka's AutoTopicCreationManager.

Everybody who asks meanwhile waits for the same creation; why one failed is reported, and the next asker tries again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.result import ControllerResult, ControllerView, Decision
from ottla.metadata.controller.topics import TopicDefaults, create_topics
from ottla.protocol.api.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError

_IS_THERE = (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS)


@dataclass(slots=True, frozen=True)
class InternalTopic:
    """How an internal topic is made."""

    name: str
    partitions: int
    replication_factor: int
    configs: tuple[tuple[str, str], ...]


class InternalTopics:
    """`submit` is the controller's."""

    def __init__(
        self,
        topics: tuple[InternalTopic, ...],
        submit: Callable[[Decision[CreateTopicsResponse]], asyncio.Future[CreateTopicsResponse]],
        schema: ConfigSchema,
        report: Callable[[str], None],
    ) -> None:
        self._topics = {topic.name: topic for topic in topics}
        self._submit = submit
        self._schema = schema
        self._report = report
        self._under_way: dict[str, asyncio.Future[CreateTopicsResponse]] = {}

    async def create(self, name: str) -> None:
        """Return when the topic is in the image, or could not be made."""
        future = self._under_way.get(name)
        if future is None:
            future = self._under_way[name] = self._submit(self._decision(self._topics[name]))
            future.add_done_callback(lambda _: self._under_way.pop(name, None))
        try:
            # One asker's connection may go away; the others still wait.
            response = await asyncio.shield(future)
        except KafkaError as error:
            self._report(f"cannot create {name}: {error}")
            return
        for result in response.topics:
            if result.error_code not in _IS_THERE:
                self._report(f"cannot create {name}: {ErrorCode(result.error_code).name}: {result.error_message}")

    def _decision(self, topic: InternalTopic) -> Decision[CreateTopicsResponse]:
        configs = [CreatableTopicConfig(name=key, value=value) for key, value in topic.configs]
        wanted = CreatableTopic(
            name=topic.name,
            num_partitions=topic.partitions,
            replication_factor=topic.replication_factor,
            assignments=[],
            configs=configs,
        )
        request = CreateTopicsRequest(topics=[wanted])

        def decide(view: ControllerView) -> ControllerResult[CreateTopicsResponse]:
            return create_topics(view, self._schema, TopicDefaults(), request)

        return decide
