"""Changes of in-sync replicas on their way to the controller: one request at a time, with all that came meanwhile.

    propose ─► waiting ─► AlterPartition ─► answered, each partition by itself
                 └───────── while one is under way ──┘

What the controller does not answer at all is asked again after a while, for as long as the partition wants it: an
answer that comes too late is the partition's to see through. Kafka's `DefaultAlterPartitionManager`, KIP-497.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from ottla.broker.replica.isr_changes import CommittedIsr, IsrAnswer, IsrChange
from ottla.protocol.api.alter_partition import (
    AlterPartitionRequest,
    AlterPartitionRequestPartitionData,
    AlterPartitionRequestTopicData,
    AlterPartitionResponse,
    BrokerState,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.runtime.time import Timer, Timers

RETRY_MS: Final = 50.0
"""After an answer that is an error for the whole request, or for a partition."""

Change: TypeAlias = "tuple[IsrChange, Callable[[IsrAnswer], None]]"


class Channel(Protocol):
    """To the active controller, wherever it is (`broker.controller_channel`)."""

    def send(
        self, request: AlterPartitionRequest, response_class: type[AlterPartitionResponse]
    ) -> Awaitable[AlterPartitionResponse]:
        """`KafkaError` when its time is over."""
        ...


class AlterPartitions:
    """`IsrChanges` of a broker. `broker_epoch` is that of its registration."""

    def __init__(
        self,
        channel: Channel,
        timers: Timers,
        *,
        broker_id: int,
        broker_epoch: Callable[[], int],
        report: Callable[[str], None],
    ) -> None:
        self._channel = channel
        self._timers = timers
        self._broker_id = broker_id
        self._broker_epoch = broker_epoch
        self._report = report
        self._waiting: dict[tuple[bytes, int], Change] = {}
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._closed = False
        self._last_failure = ""

    def propose(self, change: IsrChange, answered: Callable[[IsrAnswer], None]) -> None:
        """A newer change of a partition takes the place of one that was not sent yet: the metadata overtook that."""
        self._waiting[change.topic_id, change.index] = change, answered
        self._send_soon()

    def close(self) -> None:
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _send_soon(self) -> None:
        if self._task is None and self._timer is None and self._waiting and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._send())

    def _retry(self) -> None:
        self._timer = None
        self._send_soon()

    async def _send(self) -> None:
        """One request, with all that waits by the time that it is made."""
        sent, self._waiting = self._waiting, {}
        well = False
        try:
            response = await self._channel.send(self._request(sent), AlterPartitionResponse)
            well = self._take(sent, response)
        except Exception as error:  # whatever it is, who asked still wants an answer
            if not isinstance(error, KafkaError):
                self._tell(f"changes of in-sync replicas: {error!r}")
            self._again(sent)
        finally:
            self._task = None
            if not well and not self._closed:
                self._timer = self._timers.call_later(RETRY_MS, self._retry)
        self._send_soon()

    def _request(self, sent: dict[tuple[bytes, int], Change]) -> AlterPartitionRequest:
        topics: dict[bytes, AlterPartitionRequestTopicData] = {}
        for change, _ in sent.values():
            topic = topics.get(change.topic_id)
            if topic is None:
                topic = AlterPartitionRequestTopicData(topic_id=change.topic_id, partitions=[])
                topics[change.topic_id] = topic
            topic.partitions.append(
                AlterPartitionRequestPartitionData(
                    partition_index=change.index,
                    leader_epoch=change.leader_epoch,
                    new_isr_with_epochs=[
                        BrokerState(broker_id=broker_id, broker_epoch=epoch) for broker_id, epoch in change.isr
                    ],
                    leader_recovery_state=change.leader_recovery_state,
                    partition_epoch=change.partition_epoch,
                )
            )
        return AlterPartitionRequest(
            broker_id=self._broker_id, broker_epoch=self._broker_epoch(), topics=list(topics.values())
        )

    def _take(self, sent: dict[tuple[bytes, int], Change], response: AlterPartitionResponse) -> bool:
        """Whether nothing has to be asked again."""
        if response.error_code:
            error = ErrorCode(response.error_code)
            if error is not ErrorCode.STALE_BROKER_EPOCH:  # it registers anew at this moment
                self._tell(f"the controller refuses changes of in-sync replicas: {error.message}")
            self._again(sent)
            return False
        self._last_failure = ""
        answers: dict[tuple[bytes, int], IsrAnswer] = {}
        for topic in response.topics:
            for data in topic.partitions:
                key = topic.topic_id, data.partition_index
                if data.error_code:
                    answers[key] = ErrorCode(data.error_code)
                else:
                    answers[key] = CommittedIsr(
                        data.leader_id, data.leader_epoch, tuple(data.isr), data.partition_epoch
                    )
        for key, (_, answered) in sent.items():
            answered(answers.get(key, ErrorCode.UNKNOWN_SERVER_ERROR))
        return all(isinstance(answers.get(key), CommittedIsr) for key in sent)

    def _tell(self, text: str) -> None:
        """Once, as long as it is the same: it is asked again twenty times a second."""
        if text != self._last_failure:
            self._last_failure = text
            self._report(text)

    def _again(self, sent: dict[tuple[bytes, int], Change]) -> None:
        self._waiting = sent | self._waiting
