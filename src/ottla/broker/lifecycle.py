"""A broker's life in its cluster: it registers, says that it lives, may lead, and says when it goes.

    STARTING ── registered ─► REGISTERED ── has the metadata ─► FENCED ── `unfence`, and it may ─► RUNNING
                                                                                                  │ `shut_down`
                        STOPPED ◄── it leads nothing and the others know, or nobody answers ── SHUTTING_DOWN

One request is under way at a time; what cannot wait (new metadata, a directory that failed, shutting down) is said
with the next one at once. A run that the controller knows no more (UnregisterBroker, an older metadata log) registers
again, for as long as it takes; one that another node took the id of says so, and stops. KIP-631, 841, 858, 1066.

Kafka's `BrokerLifecycleManager`.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from ottla.metadata.features import cordons_directories
from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, BrokerRegistrationResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.time import Clock, Timers

NOT_REGISTERED: Final = -1
RETRY_BACKOFF_MS: Final = 100.0
SHUTDOWN_POLL_MS: Final = 100.0
"""How often a broker that wants to stop asks whether it may."""
SHUTDOWN_ANSWER_MS: Final = 5_000.0
"""A controller that does not answer for so long is not waited for: the rest of the cluster may be stopping, too."""
QUORUM_GONE_MS: Final = 500.0
"""How long most controllers have to be gone, not only silent, for a broker to stop without being told that it may."""
SHUTDOWN_LIMIT_MS: Final = 300_000.0
"""Apache Kafka's five minutes."""

_REFUSED_FOR_GOOD: Final = frozenset(
    (
        ErrorCode.INCONSISTENT_CLUSTER_ID,
        ErrorCode.INVALID_REGISTRATION,
        ErrorCode.UNSUPPORTED_VERSION,
        ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    )
)
_FORGOTTEN: Final = frozenset((ErrorCode.STALE_BROKER_EPOCH, ErrorCode.BROKER_ID_NOT_REGISTERED))

ResponseT = TypeVar("ResponseT", bound=Response)


class State(Enum):
    STARTING = "not registered yet"
    REGISTERED = "registered, catching up with the metadata"
    FENCED = "caught up"
    RUNNING = "may lead"
    SHUTTING_DOWN = "wants to stop"
    STOPPED = "stopped"


class LifecycleSettings(NamedTuple):
    heartbeat_interval_ms: float
    """`broker.heartbeat.interval.ms`"""
    session_timeout_ms: float
    """`broker.session.timeout.ms`: how long one request may take; the longest pause after a failure."""
    registration_timeout_ms: float
    """`initial.broker.registration.timeout.ms`"""
    controlled_shutdown: bool
    """`controlled.shutdown.enable`"""


class HeartbeatChannel(Protocol):
    """A `ControllerChannel` that nothing else goes through."""

    async def send(
        self, request: Request, response_class: type[ResponseT], *, timeout_ms: float = ...
    ) -> ResponseT: ...


class BrokerLifecycle:
    """`gone`: told why this broker is none any more."""

    def __init__(
        self,
        settings: LifecycleSettings,
        channel: HeartbeatChannel,
        image: Callable[[], MetadataImage],
        *,
        clock: Clock,
        timers: Timers,
        report: Callable[[str], None],
        gone: Callable[[str], None],
        quorum_is_gone: Callable[[], bool] = lambda: False,
    ) -> None:
        self.state = State.STARTING
        self.broker_epoch = NOT_REGISTERED
        self._settings = settings
        self._channel = channel
        self._image = image
        self._clock = clock
        self._timers = timers
        self._report = report
        self._gone = gone
        self._quorum_is_gone = quorum_is_gone
        self._wants_fence = True
        self._offline: list[bytes] = []
        self._cordoned: list[bytes] = []
        self._is_told = True
        """Nothing has changed since the last request was made."""
        self._waking: asyncio.Future[None] | None = None
        self._changes: dict[asyncio.Future[None], None] = {}
        self._failure: KafkaError | None = None
        self._task: asyncio.Task[None] | None = None
        self._registration: BrokerRegistrationRequest

    def start(self, registration: BrokerRegistrationRequest) -> None:
        self._registration = registration
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def wait_for(self, state: State) -> None:
        """Until it has come so far. `KafkaError`: it will not, and why."""
        order = list(State)
        while self._failure is None and order.index(self.state) < order.index(state):
            changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._changes[changed] = None
            changed.add_done_callback(lambda done: self._changes.pop(done, None))
            await changed
        if self._failure is not None:
            raise self._failure

    async def unfence(self) -> None:
        """This broker is ready to lead; returns when the controller lets it."""
        self._wants_fence = False
        self._wake()
        await self.wait_for(State.RUNNING)

    def directories_offline(self, directory_ids: Iterable[bytes]) -> None:
        """All that have failed since the start."""
        self._offline = list(directory_ids)
        self._wake()

    def directories_cordoned(self, directory_ids: Iterable[bytes]) -> None:
        self._cordoned = list(directory_ids)
        self._wake()

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        if self.state is State.REGISTERED:
            self._see_registration(image)

    async def shut_down(self) -> None:
        """Lead nothing any more, as far as the controller can be asked."""
        if self._task is not None:
            self._task.cancel()
        if self.state in (State.FENCED, State.RUNNING) and self._settings.controlled_shutdown:
            self._become(State.SHUTTING_DOWN)
            await self._leave_unless_nobody_is_left()
        self.close()

    async def _leave_unless_nobody_is_left(self) -> None:
        loop = asyncio.get_running_loop()
        tasks = leaving, _ = loop.create_task(self._leave()), loop.create_task(self._until_quorum_is_gone())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                leaving.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _until_quorum_is_gone(self) -> None:
        times = 0
        while times <= QUORUM_GONE_MS / SHUTDOWN_POLL_MS:
            times = times + 1 if self._quorum_is_gone() else 0
            await self._pause(SHUTDOWN_POLL_MS, may_wake=False)
        self._report("most controllers are gone, too: this broker stops without their leave")

    async def _leave(self) -> None:
        deadline_ms = self._clock.monotonic_ms() + SHUTDOWN_LIMIT_MS
        while await self._heartbeat() and self._clock.monotonic_ms() < deadline_ms:
            if self.state is State.STOPPED:
                return
            await self._pause(SHUTDOWN_POLL_MS, may_wake=False)
        self._report("the controller did not say that this broker may stop: it stops without its leave")

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._become(State.STOPPED)

    # ── the one that speaks ────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        try:
            await self._register()
            pause_ms = RETRY_BACKOFF_MS
            while True:
                if await self._heartbeat():
                    pause_ms = RETRY_BACKOFF_MS
                    await self._pause(self._settings.heartbeat_interval_ms)
                else:
                    await self._pause(pause_ms, may_wake=False)
                    pause_ms = min(pause_ms * 2, self._settings.session_timeout_ms)
        except KafkaError as error:
            self._failed(error)
        except Exception as error:  # whatever it is: better no broker than one that nobody hears of
            self._failed(KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, f"this broker cannot say that it lives: {error!r}"))

    def _failed(self, error: KafkaError) -> None:
        was_registered = self.broker_epoch != NOT_REGISTERED
        self._failure = error
        self._become(State.STOPPED)
        if was_registered:
            self._gone(str(error))

    async def _register(self) -> None:
        """Until the controller takes it. `KafkaError` when it will not.

        Who was a broker before only gives up when another node keeps its id: it serves on while nobody answers.
        """
        is_again = self.broker_epoch != NOT_REGISTERED
        deadline_ms = self._clock.monotonic_ms() + self._settings.registration_timeout_ms
        pause_ms, told = RETRY_BACKOFF_MS, None
        while True:
            left_ms = deadline_ms - self._clock.monotonic_ms()
            try:
                answer = await self._channel.send(
                    self._registration,
                    BrokerRegistrationResponse,
                    timeout_ms=max(left_ms, self._settings.session_timeout_ms if is_again else 1.0),
                )
                code, text = error_code(answer.error_code), ""
            except KafkaError as error:
                code, text = error.code, f": {error}"
            if code is ErrorCode.NONE:
                self._registered(answer.broker_epoch)
                return
            why = (
                f"the controller did not register this node as broker {self._registration.broker_id}: {code.name}{text}"
            )
            may_give_up = not is_again or code is ErrorCode.DUPLICATE_BROKER_REGISTRATION
            is_late = deadline_ms - self._clock.monotonic_ms() <= pause_ms
            if code in _REFUSED_FOR_GOOD or (is_late and may_give_up):
                raise KafkaError(code, why)
            if code is not told:
                told = code
                self._report(f"{why}; trying again")
            await self._pause(pause_ms, may_wake=False)
            pause_ms = min(pause_ms * 2, self._settings.heartbeat_interval_ms)

    def _registered(self, broker_epoch: int) -> None:
        self.broker_epoch = broker_epoch
        if self.state is State.STARTING:
            self._become(State.REGISTERED)
            self._see_registration(self._image())

    def _see_registration(self, image: MetadataImage) -> None:
        """Nothing of this cluster is done before this node's own metadata has reached its registration."""
        broker = image.cluster.brokers.get(self._registration.broker_id)
        if broker is not None and broker.epoch == self.broker_epoch:
            self._become(State.FENCED)

    async def _heartbeat(self) -> bool:
        """False: there was no answer that helps."""
        self._is_told = True
        is_stopping = self.state is State.SHUTTING_DOWN
        image = self._image()
        tells_cordoned = self.state not in (State.STARTING, State.REGISTERED) and cordons_directories(
            image.features.metadata_version
        )
        request = BrokerHeartbeatRequest(
            broker_id=self._registration.broker_id,
            broker_epoch=self.broker_epoch,
            current_metadata_offset=image.offset,
            want_fence=self._wants_fence,
            want_shut_down=is_stopping,
            offline_log_dirs=self._offline,
            cordoned_log_dirs=self._cordoned if tells_cordoned else None,
        )
        timeout_ms = SHUTDOWN_ANSWER_MS if is_stopping else self._settings.session_timeout_ms
        try:
            answer = await self._channel.send(request, BrokerHeartbeatResponse, timeout_ms=timeout_ms)
            code = error_code(answer.error_code)
        except KafkaError as error:
            code = error.code
        if code in _FORGOTTEN and self.state is not State.SHUTTING_DOWN:
            await self._register_again()
        elif code is ErrorCode.NONE:
            self._answered(answer)
        return code is ErrorCode.NONE

    def _answered(self, answer: BrokerHeartbeatResponse) -> None:
        if self.state is State.FENCED and not answer.is_fenced:
            self._become(State.RUNNING)
        elif self.state is State.SHUTTING_DOWN and answer.should_shut_down:
            self._become(State.STOPPED)

    async def _register_again(self) -> None:
        self._report("the controller does not know this run of the broker any more: registering it again")
        registration = self._registration
        registration.previous_broker_epoch = self.broker_epoch
        other = self._image().cluster.brokers.get(registration.broker_id)
        if (
            other is not None
            and other.epoch > self.broker_epoch
            and other.incarnation_id != registration.incarnation_id
        ):
            raise KafkaError(
                ErrorCode.DUPLICATE_BROKER_REGISTRATION,
                f"another node has registered as broker {registration.broker_id}",
            )
        await self._register()

    # ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _become(self, state: State) -> None:
        if self.state is not state and self.state is not State.STOPPED:
            self.state = state
            if state is State.FENCED:
                self._wake()
        for changed in list(self._changes):
            if not changed.done():
                changed.set_result(None)

    def _wake(self) -> None:
        self._is_told = False
        if self._waking is not None and not self._waking.done():
            self._waking.set_result(None)

    async def _pause(self, wait_ms: float, *, may_wake: bool = True) -> None:
        """`may_wake`: until there is something new to say, or so long."""
        if may_wake and not self._is_told:
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self._timers.call_later(wait_ms, lambda: None if over.done() else over.set_result(None))
        self._waking = over if may_wake else None
        try:
            await over
        finally:
            timer.cancel()
            self._waking = None
