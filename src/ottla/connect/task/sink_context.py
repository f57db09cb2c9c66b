"""What a sink task can ask of its consumer (`WorkerSinkTaskContext`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.api.connector import TopicPartition
from ottla.connect.task.clients import import_confluent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.task import ErrantRecordReporter


class SinkContext:
    """`take_…` is for the loop: what was asked for since it looked last."""

    def __init__(self, config: Mapping[str, str], consumer: Any, reporter: ErrantRecordReporter | None) -> None:
        self.errant_record_reporter = reporter
        self.paused: set[tuple[str, int]] = set()
        self._config = config
        self._consumer = consumer
        self._offsets: dict[TopicPartition, int] = {}
        self._timeout_ms: int | None = None
        self._commit_requested = False

    def configs(self) -> dict[str, str]:
        return dict(self._config)

    def offset(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._offsets.update(offsets)

    def timeout(self, timeout_ms: int) -> None:
        self._timeout_ms = timeout_ms

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(each.topic, each.partition) for each in self._consumer.assignment()}

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused |= {(topic, partition) for topic, partition in partitions}
        self._consumer.pause(_client_partitions(partitions))

    def resume(self, *partitions: TopicPartition) -> None:
        self.paused -= {(topic, partition) for topic, partition in partitions}
        self._consumer.resume(_client_partitions(partitions))

    def request_commit(self) -> None:
        self._commit_requested = True

    def take_commit_request(self) -> bool:
        requested, self._commit_requested = self._commit_requested, False
        return requested

    def take_offsets(self) -> dict[TopicPartition, int]:
        offsets, self._offsets = self._offsets, {}
        return offsets

    def take_timeout(self, otherwise_s: float) -> float:
        timeout_ms, self._timeout_ms = self._timeout_ms, None
        return otherwise_s if timeout_ms is None else timeout_ms / 1000


def _client_partitions(partitions: tuple[TopicPartition, ...]) -> list[Any]:
    kafka = import_confluent()
    return [kafka.TopicPartition(topic, partition) for topic, partition in partitions]
