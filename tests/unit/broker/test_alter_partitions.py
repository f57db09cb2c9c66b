"""Changes of in-sync replicas on their way to the controller."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.broker.replicas import ManualClock, ManualTimers

from ottla.broker.replica.alter_partitions import RETRY_MS, AlterPartitions
from ottla.broker.replica.isr_changes import CommittedIsr, IsrAnswer, IsrChange
from ottla.protocol.api.alter_partition import (
    AlterPartitionRequest,
    AlterPartitionResponse,
    AlterPartitionResponsePartitionData,
    AlterPartitionResponseTopicData,
)
from ottla.protocol.errors import ErrorCode, KafkaError

TOPIC = b"t" * 16
OTHER = b"o" * 16


class SlowController:
    """A channel whose answers the test gives."""

    def __init__(self) -> None:
        self.sent: list[tuple[AlterPartitionRequest, asyncio.Future[AlterPartitionResponse]]] = []

    def send(
        self, request: AlterPartitionRequest, response_class: type[AlterPartitionResponse]
    ) -> asyncio.Future[AlterPartitionResponse]:
        answer: asyncio.Future[AlterPartitionResponse] = asyncio.get_running_loop().create_future()
        self.sent.append((AlterPartitionRequest.decode(request.encode(3), 3), answer))
        return answer

    def asked(self) -> list[tuple[bytes, int]]:
        """The partitions of the newest request."""
        request, _ = self.sent[-1]
        return [(topic.topic_id, one.partition_index) for topic in request.topics for one in topic.partitions]

    async def answer(self, *errors: ErrorCode, whole: ErrorCode = ErrorCode.NONE) -> None:
        """Each partition of the newest request, in order; those behind are done."""
        request, future = self.sent[-1]
        left = list(errors)
        topics = []
        for topic in request.topics:
            answers = []
            for one in topic.partitions:
                error = left.pop(0) if left else ErrorCode.NONE
                answers.append(
                    AlterPartitionResponsePartitionData(
                        partition_index=one.partition_index,
                        error_code=error,
                        leader_id=1,
                        leader_epoch=one.leader_epoch,
                        isr=[member.broker_id for member in one.new_isr_with_epochs],
                        partition_epoch=one.partition_epoch + 1,
                    )
                )
            topics.append(AlterPartitionResponseTopicData(topic_id=topic.topic_id, partitions=answers))
        future.set_result(AlterPartitionResponse(error_code=whole, topics=[] if whole else topics))
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Changes:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.controller = SlowController()
        self.reports: list[str] = []
        self.answers: list[tuple[int, IsrAnswer]] = []
        self.changes = AlterPartitions(
            self.controller, self.timers, broker_id=1, broker_epoch=lambda: 7, report=self.reports.append
        )

    async def propose(self, index: int, *isr: int, topic_id: bytes = TOPIC) -> None:
        change = IsrChange(topic_id, index, 3, 5, tuple((broker_id, broker_id * 10) for broker_id in isr))
        self.changes.propose(change, lambda answer: self.answers.append((index, answer)))
        await settle()


@pytest.fixture
def changes() -> Changes:
    return Changes()


async def test_a_change_is_asked_for_with_the_epochs_of_the_members(changes: Changes) -> None:
    await changes.propose(0, 1, 2)
    request, _ = changes.controller.sent[0]
    (data,) = request.topics[0].partitions
    assert (request.broker_id, request.broker_epoch, request.topics[0].topic_id) == (1, 7, TOPIC)
    assert (data.leader_epoch, data.partition_epoch, data.leader_recovery_state) == (3, 5, 0)
    assert [(one.broker_id, one.broker_epoch) for one in data.new_isr_with_epochs] == [(1, 10), (2, 20)]
    await changes.controller.answer()
    assert changes.answers == [(0, CommittedIsr(1, 3, (1, 2), 6))]


async def test_what_comes_meanwhile_goes_together_with_the_next_request(changes: Changes) -> None:
    await changes.propose(0, 1)
    await changes.propose(1, 1)
    await changes.propose(2, 1, topic_id=OTHER)
    assert changes.controller.asked() == [(TOPIC, 0)]
    await changes.controller.answer()
    assert changes.controller.asked() == [(TOPIC, 1), (OTHER, 2)]
    await changes.controller.answer()
    assert len(changes.answers) == 3


async def test_each_partition_hears_its_own_error(changes: Changes) -> None:
    await changes.propose(0, 1)
    await changes.propose(1, 1)
    await changes.propose(2, 1)
    await changes.controller.answer()
    await changes.controller.answer(ErrorCode.INVALID_UPDATE_VERSION)
    assert changes.answers[1:] == [(1, ErrorCode.INVALID_UPDATE_VERSION), (2, CommittedIsr(1, 3, (1,), 6))]


async def test_a_request_that_fails_as_a_whole_is_sent_again_after_a_while(changes: Changes) -> None:
    await changes.propose(0, 1)
    await changes.controller.answer(whole=ErrorCode.STALE_BROKER_EPOCH)
    assert (len(changes.controller.sent), changes.answers, changes.reports) == (1, [], [])
    await changes.propose(1, 1)
    assert len(changes.controller.sent) == 1  # not at once
    changes.timers.advance(int(RETRY_MS))
    await settle()
    assert changes.controller.asked() == [(TOPIC, 0), (TOPIC, 1)]


async def test_what_is_refused_for_long_is_told_once(changes: Changes) -> None:
    await changes.propose(0, 1)
    for _ in range(3):
        await changes.controller.answer(whole=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
        changes.timers.advance(int(RETRY_MS))
        await settle()
    assert len(changes.reports) == 1


async def test_a_controller_that_does_not_answer_is_asked_again(changes: Changes) -> None:
    await changes.propose(0, 1, 2)
    changes.controller.sent[0][1].set_exception(KafkaError(ErrorCode.REQUEST_TIMED_OUT, "nobody leads"))
    await settle()
    await changes.propose(0, 1)  # the metadata was faster, and the partition wants something else by now
    changes.timers.advance(int(RETRY_MS))
    await settle()
    request, _ = changes.controller.sent[1]
    assert [one.broker_id for one in request.topics[0].partitions[0].new_isr_with_epochs] == [1]


async def test_nothing_is_sent_after_the_end(changes: Changes) -> None:
    await changes.propose(0, 1)
    changes.changes.close()
    await settle()
    assert changes.controller.sent[0][1].cancelled()
    await changes.propose(1, 1)
    assert len(changes.controller.sent) == 1
