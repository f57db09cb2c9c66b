"""Internal topics are made when they are first needed. Kafka's AutoTopicCreationManager.

Everybody who asks meanwhile waits for the same creation; why one failed is reported, and the next asker tries again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.protocol.api.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.controller_channel import ControllerRequests

_IS_THERE = (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS)


@dataclass(slots=True, frozen=True)
class InternalTopic:
    """How an internal topic is made."""

    name: str
    partitions: int
    replication_factor: int
    configs: tuple[tuple[str, str], ...]


class InternalTopics:
    def __init__(
        self, topics: tuple[InternalTopic, ...], channel: ControllerRequests, report: Callable[[str], None]
    ) -> None:
        self._topics = {topic.name: topic for topic in topics}
        self._channel = channel
        self._report = report
        self._under_way: dict[str, asyncio.Task[CreateTopicsResponse]] = {}

    async def create(self, name: str) -> None:
        """Return when the topic is in the image, or could not be made."""
        task = self._under_way.get(name)
        if task is None:
            asked = self._channel.send(_request(self._topics[name]), CreateTopicsResponse)
            task = self._under_way[name] = asyncio.get_running_loop().create_task(asked)
            task.add_done_callback(lambda _: self._under_way.pop(name, None))
        try:
            # One asker's connection may go away; the others still wait.
            response = await asyncio.shield(task)
        except KafkaError as error:
            self._report(f"cannot create {name}: {error}")
            return
        for result in response.topics:
            if result.error_code not in _IS_THERE:
                self._report(f"cannot create {name}: {ErrorCode(result.error_code).name}: {result.error_message}")


def _request(topic: InternalTopic) -> CreateTopicsRequest:
    configs = [CreatableTopicConfig(name=key, value=value) for key, value in topic.configs]
    wanted = CreatableTopic(
        name=topic.name,
        num_partitions=topic.partitions,
        replication_factor=topic.replication_factor,
        assignments=[],
        configs=configs,
    )
    return CreateTopicsRequest(topics=[wanted])
