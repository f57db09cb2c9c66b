"""What the active controller does by time. Kafka's `PeriodicTask`s of `QuorumController`.

no-op records           so that followers and observers see time pass (KIP-835)
sessions of brokers     who was silent for too long is fenced
preferred leaders       partitions go back to their first replicas
unclean elections       partitions without a leader get one, where that is wanted
delegation tokens       those that expired go
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from ottla.metadata.controller.brokers import fence_stale_broker
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.metadata_record.no_op_record import NoOpRecord

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ottla.broker.controller.settings import ControllerSettings
    from ottla.metadata.controller.config_schema import ConfigSchema
    from ottla.metadata.controller.heartbeats import BrokerHeartbeats
    from ottla.metadata.controller.result import Decision
    from ottla.runtime.time import Clock, Timer, Timers

T = TypeVar("T")

SESSION_CHECKS = 4
"""In one session's time, at least."""
MIN_SESSION_CHECK_MS = 10.0
AT_ONCE_MS = 10.0
"""Until the next batch, when there is more to elect than fits into one."""


class Controller(Protocol):
    """`ControllerShell`."""

    @property
    def schema(self) -> ConfigSchema: ...

    @property
    def heartbeats(self) -> BrokerHeartbeats: ...

    def submit(self, decision: Decision[T]) -> asyncio.Future[T]: ...


class _Task(NamedTuple):
    run: Callable[[], asyncio.Future[bool] | None]
    """A future: of whether there is more to do at once. It is time for the next run when that is decided."""
    interval_ms: Callable[[], float]


class ByTime:
    """`start` when the controller becomes active, `stop` when it ceases to be."""

    def __init__(self, controller: Controller, settings: ControllerSettings, clock: Clock, timers: Timers) -> None:
        self._controller = controller
        self._settings = settings
        self._clock = clock
        self._timers = timers
        self._running: dict[str, Timer] = {}
        self._is_running = False
        self._tasks: Final = {
            "no-op": _Task(self._write_no_op, lambda: settings.max_idle_interval_ms),
            "sessions": _Task(self._check_sessions, self._next_session_check_ms),
            "balance": _Task(self._balance_leaders, lambda: settings.leader_balance_interval_ms or 0),
            "unclean": _Task(self._elect_unclean_leaders, lambda: settings.unclean_election_interval_ms),
            "tokens": _Task(self._sweep_tokens, lambda: settings.token_sweep_interval_ms or 0),
        }

    def start(self) -> None:
        settings = self._settings
        self._is_running = True
        if settings.max_idle_interval_ms:
            self._arm("no-op")
        self._arm("sessions")
        if settings.leader_balance_interval_ms is not None:
            self._arm("balance")
        self._arm("unclean")
        if settings.token_sweep_interval_ms is not None:
            self._arm("tokens")

    def stop(self) -> None:
        self._is_running = False
        for timer in self._running.values():
            timer.cancel()
        self._running.clear()

    def _arm(self, name: str, *, at_once: bool = False) -> None:
        if not self._is_running:
            return
        if name in self._running:
            self._running[name].cancel()
        delay_ms = AT_ONCE_MS if at_once else self._tasks[name].interval_ms()
        self._running[name] = self._timers.call_later(delay_ms, partial(self._run, name))

    def _run(self, name: str) -> None:
        """Whatever happens: it is run again."""
        deciding = None
        try:
            deciding = self._tasks[name].run()
        finally:
            if deciding is None:
                self._arm(name)
            else:
                deciding.add_done_callback(partial(self._decided, name))

    def _decided(self, name: str, done: asyncio.Future[bool]) -> None:
        failed = done.cancelled() or done.exception() is not None
        self._arm(name, at_once=not failed and done.result())

    def _submit(self, decision: Decision[T]) -> bool:
        """Whether it was refused. Nobody is told of an error: who leads next, or the next time, does it again."""
        future = self._controller.submit(decision)
        future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        return future.done() and not future.cancelled() and future.exception() is not None

    # ── the tasks ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_no_op(self) -> None:
        self._submit(_no_op)

    def _check_sessions(self) -> None:
        controller = self._controller
        heartbeats = controller.heartbeats
        decision = partial(fence_stale_broker, schema=controller.schema, heartbeats=heartbeats)
        while self._is_running and heartbeats.stale_broker(self._clock.monotonic_ms()) is not None:
            if self._submit(decision):
                break  # refused: a controller that has failed fences nobody

    def _next_session_check_ms(self) -> float:
        longest_ms = self._settings.session_timeout_ms / SESSION_CHECKS
        deadline_ms = self._controller.heartbeats.next_deadline_ms()
        if deadline_ms is None:
            return longest_ms
        return min(max(deadline_ms - self._clock.monotonic_ms(), MIN_SESSION_CHECK_MS), longest_ms)

    def _balance_leaders(self) -> asyncio.Future[bool]:
        from ottla.metadata.controller.elections import balance_leaders

        return self._controller.submit(partial(balance_leaders, schema=self._controller.schema))

    def _elect_unclean_leaders(self) -> asyncio.Future[bool]:
        from ottla.metadata.controller.elections import elect_unclean_leaders

        return self._controller.submit(partial(elect_unclean_leaders, schema=self._controller.schema))

    def _sweep_tokens(self) -> None:
        from ottla.metadata.controller.delegation_tokens import sweep_tokens

        self._submit(sweep_tokens)


def _no_op(view: ControllerView) -> ControllerResult[None]:
    return ControllerResult([VersionedRecord(NoOpRecord())], None)
