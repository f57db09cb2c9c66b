"""Parts of the coordinators' shell: timers by key, internal topics made once, batches that are split."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest
from tests.unit.broker.groups import PARTITIONS, GroupNode
from tests.unit.broker.replicas import ManualClock, ManualTimers

from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC
from ottla.broker.coordinator.internal_topics import InternalTopic, InternalTopics
from ottla.broker.coordinator.runtime import MAX_BATCH_BYTES
from ottla.broker.coordinator.timers import KeyedTimers
from ottla.coordinator.group.records import offset_commit_tombstone
from ottla.coordinator.partitioner import partition_for
from ottla.coordinator.result import CoordinatorResult, TimerResult, nothing
from ottla.protocol.api.create_topics import CreatableTopicResult, CreateTopicsResponse
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record_batch import iterate_batches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ottla.protocol.message import Request, Response

ResponseT = TypeVar("ResponseT", bound="Response")

# -- timers


class Timed:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.ran: list[str] = []
        self.keyed = KeyedTimers(self.timers, self.clock, lambda operation: void(operation()))

    def schedule(self, name: str, delay_ms: int, says: str | None = None) -> None:
        def operation() -> TimerResult:
            self.ran.append(says or name)
            return nothing()

        self.keyed.schedule((name,), delay_ms, operation)


def void(result: TimerResult) -> None:
    assert result.records == []


def test_a_timer_runs_once_when_it_is_due() -> None:
    timed = Timed()
    timed.schedule("a", 100)
    timed.timers.advance(99)
    assert timed.ran == []
    timed.timers.advance(1)
    timed.timers.advance(1_000)
    assert timed.ran == ["a"]
    assert len(timed.keyed) == 0


def test_putting_a_timer_off_arms_nothing_new() -> None:
    timed = Timed()
    for _ in range(50):
        timed.schedule("a", 100)
        timed.timers.advance(10)
    assert timed.timers.pending == 1
    assert timed.ran == []
    timed.timers.advance(89)
    assert timed.ran == []
    timed.timers.advance(1)
    assert timed.ran == ["a"]


def test_bringing_a_timer_forward() -> None:
    timed = Timed()
    timed.schedule("a", 1_000, "late")
    timed.schedule("a", 10, "early")
    timed.timers.advance(10)
    timed.timers.advance(2_000)
    assert timed.ran == ["early"]


def test_the_last_operation_counts() -> None:
    timed = Timed()
    timed.schedule("a", 100, "first")
    timed.schedule("a", 200, "second")
    timed.timers.advance(100)
    timed.timers.advance(100)
    assert timed.ran == ["second"]


def test_a_cancelled_timer_does_not_run_and_its_key_can_be_used_again() -> None:
    timed = Timed()
    timed.schedule("a", 100, "first")
    timed.schedule("b", 100)
    timed.keyed.cancel(("a",))
    timed.keyed.cancel(("nobody",))
    timed.schedule("a", 150, "second")
    timed.timers.advance(100)
    assert timed.ran == ["b"]
    timed.timers.advance(50)
    assert timed.ran == ["b", "second"]
    timed.schedule("c", 1)
    timed.keyed.cancel_all()
    timed.timers.advance(10)
    assert timed.ran == ["b", "second"]


# -- internal topics


class Controller:
    def __init__(self, error: ErrorCode = ErrorCode.NONE) -> None:
        self.futures: list[asyncio.Future[CreateTopicsResponse]] = []
        self.reports: list[str] = []
        self.error = error
        topic = InternalTopic(GROUP_METADATA_TOPIC, 4, 1, (("cleanup.policy", "compact"),))
        self.topics = InternalTopics((topic,), self, self.reports.append)

    async def send(self, request: Request, response_class: type[ResponseT]) -> ResponseT:
        future: asyncio.Future[CreateTopicsResponse] = asyncio.get_running_loop().create_future()
        self.futures.append(future)
        answer = await future
        assert isinstance(answer, response_class)
        return answer

    def answer(self) -> None:
        result = CreatableTopicResult(name=GROUP_METADATA_TOPIC, error_code=self.error, error_message="why")
        self.futures[-1].set_result(CreateTopicsResponse(topics=[result]))


async def asked() -> None:
    """Who asks has a task, and so has the question."""
    for _ in range(2):
        await asyncio.sleep(0)


async def test_everybody_waits_for_one_creation() -> None:
    controller = Controller()
    asking = [asyncio.ensure_future(controller.topics.create(GROUP_METADATA_TOPIC)) for _ in range(3)]
    await asked()
    asking[0].cancel()
    await asked()
    controller.answer()
    await asyncio.gather(*asking[1:])
    assert len(controller.futures) == 1
    assert asking[0].cancelled()
    assert controller.reports == []


@pytest.mark.parametrize(
    "error", [ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS, ErrorCode.INVALID_REPLICATION_FACTOR]
)
async def test_a_creation_that_fails_is_reported_and_tried_again(error: ErrorCode) -> None:
    controller = Controller(error)
    for attempt in (1, 2):
        asking = asyncio.ensure_future(controller.topics.create(GROUP_METADATA_TOPIC))
        await asked()
        controller.answer()
        await asking
        assert len(controller.futures) == attempt
    failed = error is ErrorCode.INVALID_REPLICATION_FACTOR
    assert len(controller.reports) == (2 if failed else 0)
    assert all("INVALID_REPLICATION_FACTOR" in report for report in controller.reports)


async def test_a_controller_that_refuses() -> None:
    controller = Controller()
    asking = asyncio.ensure_future(controller.topics.create(GROUP_METADATA_TOPIC))
    await asked()
    controller.futures[0].set_exception(KafkaError(ErrorCode.NOT_CONTROLLER))
    await asking
    assert "NOT_CONTROLLER" in controller.reports[0]


# -- batches


def sizes(node: GroupNode, index: int) -> list[tuple[int, int]]:
    """(records, bytes) of each batch of the partition."""
    data = node.manager.read(GROUP_METADATA_TOPIC, index, 0, 100_000_000)
    assert isinstance(data, bytes)
    return [(header.records_count, header.size) for _, header in iterate_batches(data)]


@pytest.mark.parametrize("atomic", [False, True])
def test_records_that_need_not_be_written_together_are_split(tmp_path: Path, atomic: bool) -> None:
    node = GroupNode(tmp_path)
    node.make_offsets_topic()
    index = partition_for("g", PARTITIONS)
    records = [offset_commit_tombstone("g", "t" * 1_000, partition) for partition in range(2_000)]
    assert node.coordinator is not None
    errors: list[ErrorCode] = []
    committed: list[ErrorCode] = []
    result = CoordinatorResult(records, None, on_committed=committed.append, atomic=atomic)
    write: Callable[..., object] = node.coordinator._runtime.write
    write(index, result, errors.append)
    if atomic:
        # Two megabytes in one batch are more than max.message.bytes allows.
        assert errors == committed == [ErrorCode.UNKNOWN_SERVER_ERROR]
        assert sizes(node, index) == []
    else:
        assert (errors, committed) == ([], [ErrorCode.NONE])
        batches = sizes(node, index)
        assert sum(count for count, _ in batches) == len(records)
        assert len(batches) == 3
        assert all(size <= MAX_BATCH_BYTES for _, size in batches)
