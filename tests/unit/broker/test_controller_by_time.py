"""What the active controller does by time: sessions end, leaders come back; and nothing for ever when it fails."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar, cast

import pytest
from tests.unit.broker.replicas import ManualClock, ManualTimers
from tests.unit.metadata.decisions import Controller, topic

from ottla.broker.controller.by_time import ByTime
from ottla.broker.controller.settings import ControllerSettings
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.no_op_record import NoOpRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord

if TYPE_CHECKING:
    from ottla.broker.controller.shell import ControllerShell
    from ottla.metadata.controller.result import Decision

T = TypeVar("T")


class Shell:
    """`submit` of the active controller, answered at once."""

    def __init__(self, controller: Controller, clock: ManualClock) -> None:
        self._controller = controller
        self._clock = clock
        self.heartbeats = controller.heartbeats
        self.schema = controller.schema
        self.refuses = self.is_broken = False
        self.submitted = 0

    def submit(self, decision: Decision[T]) -> asyncio.Future[T]:
        self.submitted += 1
        if self.is_broken:
            raise RuntimeError("a bug")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._controller.monotonic_ms = self._clock.monotonic_ms()
        if self.refuses:
            future.set_exception(KafkaError(ErrorCode.NOT_CONTROLLER, "The controller has stopped"))
        else:
            future.set_result(self._controller.decide(decision))
        return future


class Running:
    def __init__(self, settings: ControllerSettings) -> None:
        self.controller = Controller()
        self.clock = ManualClock()
        self.controller.monotonic_ms = self.clock.monotonic_ms()
        self.controller.add_live_brokers(1, 2, 3)
        self.controller.create(topic("t", assignments=[[1, 2, 3]]))
        self.shell = Shell(self.controller, self.clock)
        self.timers = ManualTimers(self.clock)
        self.by_time = ByTime(cast("ControllerShell", self.shell), settings, self.clock, self.timers)

    def heartbeat(self, *broker_ids: int) -> None:
        self.controller.monotonic_ms = self.clock.monotonic_ms()
        for broker_id in broker_ids:
            self.controller.heartbeat(broker_id)

    async def pass_time(self, ms: int, *living: int) -> None:
        """In steps, between which the brokers that live say so."""
        for _ in range(0, ms, 500):
            self.heartbeat(*living)
            self.timers.advance(500)
            await asyncio.sleep(0)


def settings(*, idle_ms: int = 0, balance_ms: int | None = None, unclean_ms: int = 10**9) -> ControllerSettings:
    return ControllerSettings(
        incarnation_id=bytes(16),
        max_idle_interval_ms=idle_ms,
        leader_balance_interval_ms=balance_ms,
        unclean_election_interval_ms=unclean_ms,
    )


async def test_who_is_silent_for_a_whole_session_is_fenced() -> None:
    running = Running(settings())
    running.by_time.start()
    await running.pass_time(8_500, 3)
    assert running.controller.partition().leader == 1
    await running.pass_time(1_500, 3)
    assert (running.controller.partition().leader, running.controller.partition().isr) == (3, (3,))
    running.by_time.stop()
    await running.pass_time(20_000)
    assert running.controller.partition().leader == 3


async def test_a_controller_that_has_failed_is_not_asked_for_ever() -> None:
    running = Running(settings())
    running.by_time.start()
    running.shell.refuses = True
    await running.pass_time(12_000)
    assert 0 < running.shell.submitted < 20
    running.shell.refuses = False
    await running.pass_time(3_000, 2, 3)
    assert running.controller.partition().leader == 2


async def test_leaders_come_back() -> None:
    running = Running(settings(balance_ms=60_000))
    controller = running.controller
    running.by_time.start()
    running.heartbeat(1, 2, 3)
    controller.heartbeat(1, want_fence=True)
    controller.heartbeat(1)
    assert controller.partition().leader == 2
    await running.pass_time(50_000, 1, 2, 3)
    topic_id = controller.image.topics.by_name["t"].topic_id
    controller.replay(PartitionChangeRecord(partition_id=0, topic_id=topic_id, isr=[2, 3, 1]))
    assert controller.partition().leader == 2
    await running.pass_time(15_000, 1, 2, 3)
    assert controller.partition().leader == 1


async def test_no_op_records_let_time_be_seen() -> None:
    running = Running(settings(idle_ms=500))
    running.by_time.start()
    await running.pass_time(2_000, 1, 2, 3)
    assert running.shell.submitted == 4
    assert isinstance(running.controller.written[0], NoOpRecord)


@pytest.mark.parametrize("only", [settings(idle_ms=500), settings(balance_ms=500), settings(unclean_ms=500)])
async def test_what_fails_unexpectedly_is_done_again_in_its_time(only: ControllerSettings) -> None:
    running = Running(only)
    running.by_time.start()
    running.shell.is_broken = True
    for _ in range(4):
        running.heartbeat(1, 2, 3)
        with contextlib.suppress(RuntimeError):
            running.timers.advance(500)
    assert running.shell.submitted == 4
    running.shell.is_broken = False
    await running.pass_time(2_000, 1, 2, 3)
    assert running.shell.submitted == 8
