"""Where replicas lie is told to the controller until it knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.unit.broker.replicas import ManualClock, ManualTimers

from ottla.broker.assignments import MAX_PER_REQUEST, Assignments
from ottla.protocol.api.assign_replicas_to_dirs import (
    AssignReplicasToDirsRequest,
    AssignReplicasToDirsResponse,
    AssignReplicasToDirsResponseDirectoryData,
    AssignReplicasToDirsResponsePartitionData,
    AssignReplicasToDirsResponseTopicData,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from typing import TypeVar

    from ottla.protocol.message import Request, Response

    ResponseT = TypeVar("ResponseT", bound=Response)

TOPIC, FIRST, SECOND = b"t" * 16, b"1" * 16, b"2" * 16


class Controller:
    """Answers as the test has it; `codes` by partition."""

    def __init__(self) -> None:
        self.asked: list[AssignReplicasToDirsRequest] = []
        self.failure: KafkaError | None = None
        self.codes: dict[int, ErrorCode] = {}
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.reports: list[str] = []
        self.assignments = Assignments(self, 7, lambda: 40, self.timers, self.reports.append)

    async def send(self, request: Request, response_class: type[ResponseT]) -> ResponseT:
        assert isinstance(request, AssignReplicasToDirsRequest)
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        answer = AssignReplicasToDirsResponse(
            error_code=ErrorCode.NONE,
            directories=[
                AssignReplicasToDirsResponseDirectoryData(
                    id=directory.id,
                    topics=[
                        AssignReplicasToDirsResponseTopicData(
                            topic_id=topic.topic_id,
                            partitions=[
                                AssignReplicasToDirsResponsePartitionData(
                                    partition_index=one.partition_index,
                                    error_code=self.codes.get(one.partition_index, ErrorCode.NONE),
                                )
                                for one in topic.partitions
                            ],
                        )
                        for topic in directory.topics
                    ],
                )
                for directory in request.directories
            ],
        )
        assert isinstance(answer, response_class)
        return answer

    def told(self) -> list[dict[int, bytes]]:
        return [
            {
                partition.partition_index: directory.id
                for directory in request.directories
                for topic in directory.topics
                for partition in topic.partitions
            }
            for request in self.asked
        ]

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


async def test_what_comes_meanwhile_goes_with_the_next_request() -> None:
    controller = Controller()
    controller.assignments.assign({(TOPIC, 0): FIRST, (TOPIC, 1): SECOND})
    await asyncio.sleep(0)
    controller.assignments.assign({(TOPIC, 2): FIRST})
    await controller.settle()
    assert controller.told() == [{0: FIRST, 1: SECOND}, {2: FIRST}]
    assert (controller.asked[0].broker_id, controller.asked[0].broker_epoch) == (7, 40)


async def test_a_request_that_fails_is_said_again_later_unless_there_is_news() -> None:
    controller = Controller()
    controller.failure = KafkaError(ErrorCode.REQUEST_TIMED_OUT)
    controller.assignments.assign({(TOPIC, 0): FIRST, (TOPIC, 1): FIRST})
    await controller.settle()
    controller.failure = None
    controller.assignments.assign({(TOPIC, 0): SECOND})
    controller.timers.advance(100)
    await controller.settle()
    assert controller.told() == [{0: FIRST, 1: FIRST}, {0: SECOND, 1: FIRST}]
    assert "REQUEST_TIMED_OUT" in controller.reports[0]


async def test_a_replica_that_is_gone_is_not_told_again() -> None:
    controller = Controller()
    controller.codes = {0: ErrorCode.UNKNOWN_TOPIC_ID, 1: ErrorCode.UNKNOWN_SERVER_ERROR}
    controller.assignments.assign({(TOPIC, 0): FIRST, (TOPIC, 1): FIRST})
    await controller.settle()
    controller.codes = {}
    controller.timers.advance(100)
    await controller.settle()
    assert controller.told()[1:] == [{1: FIRST}]


async def test_a_request_is_bounded() -> None:
    controller = Controller()
    controller.assignments.assign({(TOPIC, index): FIRST for index in range(MAX_PER_REQUEST + 1)})
    await controller.settle()
    assert [len(told) for told in controller.told()] == [MAX_PER_REQUEST, 1]
