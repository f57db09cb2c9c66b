"""A broker registers, sends heartbeats, may lead, and stops: against a controller that the test plays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import ManualClock, ManualTimers

from ottla.broker.lifecycle import BrokerLifecycle, LifecycleSettings, State
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.features import METADATA_VERSION
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, BrokerRegistrationResponse
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.register_broker_record import RegisterBrokerRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ottla.protocol.message import Request, Response

    ResponseT = TypeVar("ResponseT", bound=Response)

MINE, OTHER = b"m" * 16, b"o" * 16


def image_with(epoch: int, incarnation_id: bytes = MINE, metadata_version: int = 29) -> MetadataImage:
    delta = MetadataDelta(EMPTY_IMAGE)
    delta.replay(FeatureLevelRecord(name=METADATA_VERSION, feature_level=metadata_version))
    delta.replay(
        RegisterBrokerRecord(
            broker_id=7,
            incarnation_id=incarnation_id,
            broker_epoch=epoch,
            end_points=[],
            features=[],
            rack=None,
            fenced=True,
        )
    )
    return delta.apply(offset=epoch, epoch=1, timestamp_ms=0)


class Played:
    """The controller's side, one request after the other."""

    def __init__(self, **settings: float) -> None:
        self.asked: asyncio.Queue[tuple[Request, asyncio.Future[Response]]] = asyncio.Queue()
        self.image = EMPTY_IMAGE
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.reports: list[str] = []
        self.gone: list[str] = []
        self.quorum_is_gone = False
        self.lifecycle = BrokerLifecycle(
            LifecycleSettings(
                heartbeat_interval_ms=2000,
                session_timeout_ms=9000,
                registration_timeout_ms=60_000,
                controlled_shutdown=True,
            ),
            self,
            lambda: self.image,
            clock=self.clock,
            timers=self.timers,
            report=self.reports.append,
            gone=self.gone.append,
            quorum_is_gone=lambda: self.quorum_is_gone,
        )
        self.lifecycle.start(
            BrokerRegistrationRequest(
                broker_id=7, cluster_id="c", incarnation_id=MINE, listeners=[], features=[], rack=None
            )
        )

    async def send(self, request: Request, response_class: type[ResponseT], *, timeout_ms: float = 0) -> ResponseT:
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        await self.asked.put((request, future))
        answer = await future
        assert isinstance(answer, response_class)
        return answer

    async def next(self) -> tuple[Request, asyncio.Future[Response]]:
        return await asyncio.wait_for(self.asked.get(), 5)

    async def register(self, code: ErrorCode = ErrorCode.NONE, epoch: int = 40) -> BrokerRegistrationRequest:
        request, answer = await self.next()
        assert isinstance(request, BrokerRegistrationRequest)
        answer.set_result(BrokerRegistrationResponse(error_code=code, broker_epoch=epoch))
        return request

    async def heartbeat(
        self, code: ErrorCode = ErrorCode.NONE, *, fenced: bool = True, stop: bool = False
    ) -> BrokerHeartbeatRequest:
        request, answer = await self.next()
        assert isinstance(request, BrokerHeartbeatRequest)
        answer.set_result(
            BrokerHeartbeatResponse(error_code=code, is_caught_up=True, is_fenced=fenced, should_shut_down=stop)
        )
        return request

    async def later(self, ms: int) -> None:
        for _ in range(10):  # whatever is under way has its turn
            await asyncio.sleep(0)
        await until(lambda: self.timers.pending > 0)
        self.timers.advance(ms)

    async def running(self) -> None:
        self.image = image_with(40)
        await self.register()
        await self.heartbeat()
        unfenced = asyncio.ensure_future(self.lifecycle.unfence())
        await self.heartbeat(fenced=False)
        await asyncio.wait_for(unfenced, 5)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


def test_registers_waits_for_its_metadata_and_asks_to_be_unfenced_at_once() -> None:
    async def scenario() -> None:
        played = Played()
        request = await played.register()
        assert request.previous_broker_epoch == -1
        beat = await played.heartbeat()
        assert (beat.broker_epoch, beat.want_fence, beat.current_metadata_offset) == (40, True, -1)
        await until(lambda: played.lifecycle.state is State.REGISTERED)
        played.image = image_with(40)
        played.lifecycle.on_metadata(MetadataDelta(EMPTY_IMAGE), played.image)
        await played.lifecycle.wait_for(State.FENCED)
        beat = await played.heartbeat()
        assert (beat.want_fence, beat.current_metadata_offset) == (True, 40)
        unfenced = asyncio.ensure_future(played.lifecycle.unfence())
        assert not (await played.heartbeat(fenced=True)).want_fence
        await played.later(2000)
        await played.heartbeat(fenced=False)
        await asyncio.wait_for(unfenced, 5)
        assert played.lifecycle.state is State.RUNNING

    asyncio.run(scenario())


def test_an_older_registration_in_the_metadata_is_not_taken_for_its_own() -> None:
    async def scenario() -> None:
        played = Played()
        played.image = image_with(39)
        await played.register()
        await until(lambda: played.lifecycle.broker_epoch == 40)
        assert played.lifecycle.state is State.REGISTERED

    asyncio.run(scenario())


def test_registers_again_after_the_session_of_another_run() -> None:
    async def scenario() -> None:
        played = Played()
        await played.register(ErrorCode.DUPLICATE_BROKER_REGISTRATION)
        await played.later(100)
        await played.register(ErrorCode.DUPLICATE_BROKER_REGISTRATION)
        await played.later(200)
        await played.register()
        await until(lambda: played.lifecycle.broker_epoch == 40)
        assert len(played.reports) == 1
        assert "DUPLICATE_BROKER_REGISTRATION" in played.reports[0]

    asyncio.run(scenario())


@pytest.mark.parametrize("code", [ErrorCode.INCONSISTENT_CLUSTER_ID, ErrorCode.INVALID_REGISTRATION])
def test_a_refusal_for_good_ends_the_start(code: ErrorCode) -> None:
    async def scenario() -> None:
        played = Played()
        await played.register(code)
        with pytest.raises(KafkaError, match=code.name):
            await asyncio.wait_for(played.lifecycle.wait_for(State.FENCED), 5)
        assert not played.gone  # it never was one

    asyncio.run(scenario())


def test_gives_up_registering_when_the_time_is_over() -> None:
    async def scenario() -> None:
        played = Played()
        waiting = asyncio.ensure_future(played.lifecycle.wait_for(State.FENCED))
        _, answer = await played.next()
        played.clock.ms += 60_000
        answer.set_exception(KafkaError(ErrorCode.REQUEST_TIMED_OUT, "nobody is the controller"))
        with pytest.raises(KafkaError, match="nobody is the controller"):
            await asyncio.wait_for(waiting, 5)

    asyncio.run(scenario())


def test_a_forgotten_run_registers_again_with_its_epoch() -> None:
    async def scenario() -> None:
        played = Played()
        await played.running()
        await played.later(2000)
        await played.heartbeat(ErrorCode.STALE_BROKER_EPOCH)
        request = await played.register(epoch=90)
        assert (request.previous_broker_epoch, request.incarnation_id) == (40, MINE)
        await played.later(100)
        assert (await played.heartbeat()).broker_epoch == 90

    asyncio.run(scenario())


def test_goes_on_registering_again_for_as_long_as_no_controller_answers() -> None:
    async def scenario() -> None:
        played = Played()
        await played.running()
        await played.later(2000)
        await played.heartbeat(ErrorCode.STALE_BROKER_EPOCH)
        for pause_ms in (100, 200):
            _, answer = await played.next()
            played.clock.ms += 60_000
            answer.set_exception(KafkaError(ErrorCode.REQUEST_TIMED_OUT, "nobody is the controller"))
            await played.later(pause_ms)
        await played.register(epoch=90)
        await until(lambda: played.lifecycle.broker_epoch == 90)
        assert not played.gone
        assert played.lifecycle.state is State.RUNNING

    asyncio.run(scenario())


def test_a_bug_does_not_leave_a_broker_that_nobody_hears_of() -> None:
    async def scenario() -> None:
        played = Played()
        await played.running()
        await played.later(2000)
        _, answer = await played.next()
        answer.set_exception(ZeroDivisionError("a bug"))
        await until(lambda: bool(played.gone))
        assert "a bug" in played.gone[0]
        assert played.lifecycle.state is State.STOPPED

    asyncio.run(scenario())


def test_stops_when_another_node_has_taken_its_id() -> None:
    async def scenario() -> None:
        played = Played()
        await played.running()
        played.image = image_with(50, OTHER)
        await played.later(2000)
        await played.heartbeat(ErrorCode.STALE_BROKER_EPOCH)
        await until(lambda: played.lifecycle.state is State.STOPPED)
        assert "another node" in played.gone[0]

    asyncio.run(scenario())


def test_an_unanswered_heartbeat_is_followed_by_another_one_soon() -> None:
    async def scenario() -> None:
        played = Played()
        await played.running()
        await played.later(2000)
        for pause_ms in (100, 200, 400):
            _, answer = await played.next()
            answer.set_exception(KafkaError(ErrorCode.REQUEST_TIMED_OUT, "silence"))
            await played.later(pause_ms)
        await played.heartbeat(fenced=False)

    asyncio.run(scenario())


def test_cordoned_directories_are_told_once_it_has_caught_up_even_if_there_are_none() -> None:
    async def scenario() -> None:
        played = Played()
        await played.register()
        assert (await played.heartbeat()).cordoned_log_dirs is None
        played.image = image_with(40)
        played.lifecycle.on_metadata(MetadataDelta(EMPTY_IMAGE), played.image)
        assert (await played.heartbeat()).cordoned_log_dirs is None  # the metadata has no place for it
        played.image = image_with(40, metadata_version=30)
        for cordoned in ([], [b"d" * 16], []):
            played.lifecycle.directories_cordoned(cordoned)
            assert (await played.heartbeat()).cordoned_log_dirs == cordoned

    asyncio.run(scenario())


def test_a_directory_that_failed_is_told_at_once() -> None:
    async def scenario() -> None:
        played = Played()
        await played.running()
        played.lifecycle.directories_offline([b"d" * 16])
        assert (await played.heartbeat(fenced=False)).offline_log_dirs == [b"d" * 16]

    asyncio.run(scenario())


def test_shuts_down_when_it_may() -> None:
    async def scenario() -> None:
        played = Played()
        await played.running()
        stopping = asyncio.ensure_future(played.lifecycle.shut_down())
        assert (await played.heartbeat(fenced=False)).want_shut_down
        await played.later(100)
        assert (await played.heartbeat(fenced=True, stop=True)).want_shut_down
        await asyncio.wait_for(stopping, 5)
        assert played.lifecycle.state is State.STOPPED
        assert not played.reports

    asyncio.run(scenario())


def test_shuts_down_without_a_controller() -> None:
    async def scenario() -> None:
        played = Played()
        await played.running()
        stopping = asyncio.ensure_future(played.lifecycle.shut_down())
        _, answer = await played.next()
        answer.set_exception(KafkaError(ErrorCode.REQUEST_TIMED_OUT, "silence"))
        await asyncio.wait_for(stopping, 5)
        assert "without its leave" in played.reports[0]

    asyncio.run(scenario())


def test_shuts_down_when_most_controllers_are_gone() -> None:
    """Not when they were for a moment: one that starts again may have the time to answer."""

    async def scenario() -> None:
        played = Played()
        await played.running()
        stopping = asyncio.ensure_future(played.lifecycle.shut_down())
        await played.next()
        begun_ms = played.clock.ms
        for is_gone in (True, False):
            played.quorum_is_gone = is_gone
            for _ in range(4):
                await played.later(100)
        assert not stopping.done()
        played.quorum_is_gone = True
        while not stopping.done():
            await played.later(100)
            for _ in range(10):
                await asyncio.sleep(0)
        assert played.clock.ms - begun_ms < 2_000
        assert "without their leave" in played.reports[0]

    asyncio.run(scenario())
