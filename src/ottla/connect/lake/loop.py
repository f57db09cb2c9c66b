"""The loop of a lake's task: it begins where the tables end, whatever is committed in Kafka, and may end at the end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.connector import TopicPartition
from ottla.connect.api.errors import ConnectError, RetriableError
from ottla.connect.runtime.connector_config import sink_topics
from ottla.connect.task.clients import import_confluent
from ottla.connect.task.sink_loop import LIST_TOPICS_TIMEOUT_S, SinkLoop

if TYPE_CHECKING:
    from ottla.connect.api.header import Headers
    from ottla.connect.lake.task import LakeTask
    from ottla.connect.runtime.plugins import Plugins
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.task.channel import Listener
    from ottla.connect.task.control import Control

_log = logging.getLogger("ottla.connect.lake")
TELLS_ENDS: Final = {"enable.partition.eof": "true"}
"""What the consumer needs for `until_end`."""


class LakeLoop(SinkLoop):
    def __init__(
        self,
        spec: TaskSpec,
        task: LakeTask,
        plugins: Plugins,
        listener: Listener,
        control: Control,
        *,
        until_end: bool,
    ) -> None:
        super().__init__(spec, task, plugins, listener, control)
        self._lake = task
        self._until_end = until_end
        self._ended: set[TopicPartition] = set()

    def _subscribe(self) -> None:
        """Whoever reads to the end reads alone: a group would wait for members that were killed."""
        if not self._until_end:
            super()._subscribe()
        elif not self._subscribed:
            self._subscribed = sink_topics(self._spec.connector_config)
            kafka = import_confluent()
            known = self._consumer.list_topics(timeout=LIST_TOPICS_TIMEOUT_S).topics
            self._assigned(
                self._consumer,
                [
                    kafka.TopicPartition(topic, number)
                    for topic in self._subscribed
                    for number in known[topic].partitions
                ],
            )
            if self._rebalance_failure is not None:
                raise self._rebalance_failure

    def _commit_all(self, mine: dict[TopicPartition, int], *, closing: bool) -> bool:
        """The group is of those that go on; its offsets are for whoever looks at lag, and nobody begins there."""
        return True if self._until_end else super()._commit_all(mine, closing=closing)

    def _find_place(self, consumer: Any, partitions: list[Any]) -> None:
        for each in partitions:
            where = TopicPartition(each.topic, each.partition)
            reached = self._lake.next_offset(where)
            first, end = consumer.get_watermark_offsets(each, timeout=LIST_TOPICS_TIMEOUT_S)
            if reached > end:
                raise ConnectError(
                    f"the lake has {where.topic}-{where.partition} up to {reached}, and it ends at {end}: it is another"
                    " topic than that of the table; drop the table, or keep the topic elsewhere (--namespace)"
                )
            if 0 < reached < first:
                _log.warning("the records %s-%d@%d to %d are gone before the lake had them", *where, reached, first - 1)
            each.offset = max(reached, first)
            self._committed[where] = self._current[where] = each.offset

    def _poll(self, timeout_s: float) -> None:
        super()._poll(timeout_s)
        if self._until_end and not self._is_redelivering and self._ended and self.context.assignment() <= self._ended:
            try:
                self._lake.commit()
            except RetriableError as error:  # the next poll waits
                _log.warning("what was read is not in the lake yet: %s", error)
            else:
                self._control.stopping = True

    def _convert(self, messages: list[Any]) -> None:
        at_end = import_confluent().KafkaError._PARTITION_EOF
        for message in messages:
            if message.error() is not None and message.error().code() == at_end:
                self._ended.add(TopicPartition(message.topic(), message.partition()))
        super()._convert(messages)

    def _convert_carefully(self, message: Any) -> tuple[Any, Any, Headers] | None:
        try:
            return super()._convert_carefully(message)
        except ConnectError as error:
            where = f"{message.topic()}-{message.partition()}@{message.offset()}"
            raise ConnectError(f"record {where}: {error.__cause__ or error}") from error

    def _deliver(self) -> None:
        try:
            super()._deliver()
        except ConnectError as error:  # with the task's own words
            raise (error.__cause__ if isinstance(error.__cause__, ConnectError) else error) from None

    def _close(self, partitions: list[TopicPartition], *, lost: bool) -> None:
        if not lost:
            self._lake.finish()
        super()._close(partitions, lost=lost)
