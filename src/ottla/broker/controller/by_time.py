"""What the active controller does by time. Kafka's `PeriodicTask`s of `QuorumController`.

no-op records           so that followers and observers see time pass (KIP-835)
sessions of brokers     who was silent for too long is fenced
preferred leaders       partitions go back to their first replicas
unclean elections       partitions without a leader get one, where that is wanted
delegation tokens       those that expired go
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ottla.metadata.controller.brokers import fence_stale_broker
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.metadata_record.no_op_record import NoOpRecord

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ottla.broker.controller.settings import ControllerSettings
    from ottla.broker.controller.shell import ControllerShell
    from ottla.metadata.controller.result import Decision
    from ottla.runtime.time import Clock, Timer, Timers

T = TypeVar("T")

SESSION_CHECKS = 4
"""In one session's time, at least."""
MIN_SESSION_CHECK_MS = 10.0
AT_ONCE_MS = 10.0
"""Until the next batch, when there is more to elect than fits into one."""


class ByTime:
    """`start` when the controller becomes active, `stop` when it ceases to be."""

    def __init__(self, controller: ControllerShell, settings: ControllerSettings, clock: Clock, timers: Timers) -> None:
        self._controller = controller
        self._settings = settings
        self._clock = clock
        self._timers = timers
        self._running: dict[str, Timer] = {}
        self._is_running = False

    def start(self) -> None:
        settings = self._settings
        self._is_running = True
        if settings.max_idle_interval_ms:
            self._later("no-op", settings.max_idle_interval_ms, self._write_no_op)
        self._later("sessions", self._next_session_check_ms(), self._check_sessions)
        if settings.leader_balance_interval_ms is not None:
            self._later("balance", settings.leader_balance_interval_ms, self._balance_leaders)
        self._later("unclean", settings.unclean_election_interval_ms, self._elect_unclean_leaders)
        if settings.token_sweep_interval_ms is not None:
            self._later("tokens", settings.token_sweep_interval_ms, self._sweep_tokens)

    def stop(self) -> None:
        self._is_running = False
        for timer in self._running.values():
            timer.cancel()
        self._running.clear()

    def _later(self, name: str, delay_ms: float, task: Callable[[], None]) -> None:
        self._running[name] = self._timers.call_later(delay_ms, task)

    def _submit(self, decision: Decision[T]) -> bool:
        """Whether it was refused. Nobody is told of an error: who leads next, or the next time, does it again."""
        future = self._controller.submit(decision)
        future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        return future.done() and not future.cancelled() and future.exception() is not None

    # ── the tasks ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_no_op(self) -> None:
        self._submit(_no_op)
        if self._is_running:
            self._later("no-op", self._settings.max_idle_interval_ms, self._write_no_op)

    def _check_sessions(self) -> None:
        controller = self._controller
        heartbeats = controller.heartbeats
        decision = partial(fence_stale_broker, schema=controller.schema, heartbeats=heartbeats)
        try:
            while self._is_running and heartbeats.stale_broker(self._clock.monotonic_ms()) is not None:
                if self._submit(decision):
                    break  # refused: a controller that has failed fences nobody
        finally:
            if self._is_running:
                self._later("sessions", self._next_session_check_ms(), self._check_sessions)

    def _next_session_check_ms(self) -> float:
        longest_ms = self._settings.session_timeout_ms / SESSION_CHECKS
        deadline_ms = self._controller.heartbeats.next_deadline_ms()
        if deadline_ms is None:
            return longest_ms
        return min(max(deadline_ms - self._clock.monotonic_ms(), MIN_SESSION_CHECK_MS), longest_ms)

    def _balance_leaders(self) -> None:
        from ottla.metadata.controller.elections import balance_leaders

        assert self._settings.leader_balance_interval_ms is not None
        decision = partial(balance_leaders, schema=self._controller.schema)
        self._elect("balance", decision, self._settings.leader_balance_interval_ms, self._balance_leaders)

    def _elect_unclean_leaders(self) -> None:
        from ottla.metadata.controller.elections import elect_unclean_leaders

        decision = partial(elect_unclean_leaders, schema=self._controller.schema)
        self._elect("unclean", decision, self._settings.unclean_election_interval_ms, self._elect_unclean_leaders)

    def _elect(self, name: str, decision: Decision[bool], interval_ms: float, again: Callable[[], None]) -> None:
        def decided(done: asyncio.Future[bool]) -> None:
            failed = done.cancelled() or done.exception() is not None
            if self._is_running:
                there_is_more = not failed and done.result()
                self._later(name, AT_ONCE_MS if there_is_more else interval_ms, again)

        self._controller.submit(decision).add_done_callback(decided)

    def _sweep_tokens(self) -> None:
        from ottla.metadata.controller.delegation_tokens import sweep_tokens

        assert self._settings.token_sweep_interval_ms is not None
        self._submit(sweep_tokens)
        if self._is_running:
            self._later("tokens", self._settings.token_sweep_interval_ms, self._sweep_tokens)


def _no_op(view: ControllerView) -> ControllerResult[None]:
    return ControllerResult([VersionedRecord(NoOpRecord())], None)
