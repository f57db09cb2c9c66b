"""Internal topics of streams groups are made by the broker: nobody waits for them, a later heartbeat finds them.

A topic is asked for once at a time. Why one could not be made is told for a while with the members' heartbeats, and not
tried again meanwhile. Source: AutoTopicCreationManager.createStreamsInternalTopics, ExpiringErrorCache (KIP-1071).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ottla.protocol.api.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.broker.controller_channel import ControllerRequests
    from ottla.coordinator.group.streams.configured_topology import ConfiguredInternalTopic
    from ottla.runtime.time import Clock

MAX_ERRORS: Final = 1_000
"""Failures remembered at most; then the oldest is forgotten."""
BROKERS_DEFAULT: Final = -1


class StreamsInternalTopics:
    def __init__(self, channel: ControllerRequests, clock: Clock) -> None:
        self._channel = channel
        self._clock = clock
        self._under_way: set[str] = set()
        self._errors: dict[str, tuple[float, str]] = {}

    def create(self, topics: Mapping[str, ConfiguredInternalTopic], remember_errors_ms: int) -> None:
        """Ask for those that nobody has asked for and that have not failed of late."""
        wanted = [
            topic for name, topic in topics.items() if name not in self._under_way and self._error_of(name) is None
        ]
        if not wanted:
            return
        names = [topic.name for topic in wanted]
        self._under_way.update(names)
        request = CreateTopicsRequest(topics=[_creatable(topic) for topic in wanted])
        asked = asyncio.get_running_loop().create_task(self._channel.send(request, CreateTopicsResponse))
        asked.add_done_callback(lambda done: self._made(names, done, remember_errors_ms))

    def errors_of(self, names: Iterable[str]) -> dict[str, str]:
        """Why topics could not be made, as far as that is remembered."""
        return {name: error for name in names if (error := self._error_of(name)) is not None}

    def _made(self, names: list[str], done: asyncio.Task[CreateTopicsResponse], remember_ms: int) -> None:
        if done.cancelled():
            self._under_way.difference_update(names)
            return
        error = done.exception()
        if isinstance(error, KafkaError):
            self._failed(names, error, remember_ms)
            return
        self._under_way.difference_update(names)
        for result in done.result().topics:
            if result.error_code != ErrorCode.NONE:
                text = result.error_message or ErrorCode(result.error_code).message
                self._remember(result.name, text, remember_ms)

    def _failed(self, names: list[str], error: KafkaError, remember_ms: int) -> None:
        self._under_way.difference_update(names)
        for name in names:
            self._remember(name, error.message or error.code.message, remember_ms)

    def _remember(self, name: str, text: str, remember_ms: int) -> None:
        self._errors.pop(name, None)
        self._errors[name] = (self._clock.monotonic_ms() + remember_ms, text)
        while len(self._errors) > MAX_ERRORS:
            del self._errors[next(iter(self._errors))]

    def _error_of(self, name: str) -> str | None:
        known = self._errors.get(name)
        if known is None:
            return None
        if known[0] <= self._clock.monotonic_ms():
            del self._errors[name]
            return None
        return known[1]


def _creatable(topic: ConfiguredInternalTopic) -> CreatableTopic:
    return CreatableTopic(
        name=topic.name,
        num_partitions=topic.partitions,
        replication_factor=topic.replication_factor or BROKERS_DEFAULT,
        assignments=[],
        configs=[CreatableTopicConfig(name=key, value=value) for key, value in topic.configs.items()],
    )
