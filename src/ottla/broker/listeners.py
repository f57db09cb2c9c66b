"""The doors of a node: listening sockets, and the connections that came through them.

Who may come in is `connection_quotas.py`'s to say. A connection of which nothing was read for
`connections.max.idle.ms`, and nothing is being waited for, is closed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ottla.broker.connection import Connection
from ottla.broker.connection_quotas import ConnectionLimits as ConnectionLimits
from ottla.broker.connection_quotas import ConnectionQuotas
from ottla.runtime.clock import SystemClock
from ottla.runtime.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.broker.dispatcher import Dispatcher
    from ottla.broker.listener_security import ListenerSecurity
    from ottla.runtime.network import Listener, Network, Receiver
    from ottla.runtime.time import Clock, Timer, Timers

SWEEPS_PER_IDLE_TIME = 8  # how exact the idle bound is: one eighth of it
MIN_SWEEP_INTERVAL_MS = 10.0


class Listeners:
    """All listeners of a node and the connections that came through them."""

    def __init__(
        self,
        network: Network,
        timers: Timers,
        limits: ConnectionLimits,
        clock: Clock | None = None,
        turn: Turn | None = None,
    ) -> None:
        self._network = network
        self._turn = turn or Turn()
        self._timers = timers
        self._quotas = ConnectionQuotas(timers, clock or SystemClock(), limits)
        self._listeners: list[Listener] = []
        self._sweeper: Timer | None = None

    def set_limits(self, limits: ConnectionLimits) -> None:
        self._quotas.set_limits(limits)

    def set_host_rates(self, quotas: Mapping[str | None, float]) -> None:
        """New connections a second that a host may make; `None`: each host that is not named."""
        self._quotas.set_host_rates(quotas)

    @property
    def connection_count(self) -> int:
        return self._quotas.total

    @property
    def connections(self) -> list[Connection]:
        return self._quotas.connections()

    def by_listener(self) -> dict[str, tuple[int, list[Connection]]]:
        """How many came in ever, and those that are inside."""
        return self._quotas.by_listener()

    async def open(
        self, name: str, host: str, port: int, dispatcher: Dispatcher, security: ListenerSecurity | None = None
    ) -> Listener:
        """Listen; `OSError` when the address is not to be had. The listener's port is the real one when 0 was asked."""
        limits, timers = self._quotas.limits, self._timers
        max_bytes = limits.max_request_bytes
        enter, leave = partial(self._quotas.entered, name), partial(self._quotas.left, name)

        def accept() -> Receiver:
            if security is None:
                return Connection(dispatcher, name, max_bytes, enter, leave, self._turn)
            connection = Connection(
                dispatcher,
                name,
                max_bytes,
                enter,
                leave,
                self._turn,
                security_protocol=security.protocol,
                entrance=security.entrance(dispatcher, timers),
                max_unknown_bytes=security.max_unknown_bytes,
            )
            return security.receiver(connection)

        listener = await self._network.listen(host, port, accept)
        self._listeners.append(listener)
        self._quotas.add(name, listener)
        if self._sweeper is None and limits.max_idle_ms > 0:
            self._schedule_sweep()
        return listener

    def stop_accepting(self) -> None:
        self._quotas.close()
        for listener in self._listeners:
            listener.close()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def close(self) -> None:
        """Close every connection; what is queued for a client that reads is still sent."""
        self.stop_accepting()
        for connection in self.connections:
            connection.close()

    # --- idle connections

    def _schedule_sweep(self) -> None:
        interval_ms = max(self._quotas.limits.max_idle_ms / SWEEPS_PER_IDLE_TIME, MIN_SWEEP_INTERVAL_MS)
        self._sweeper = self._timers.call_later(interval_ms, self._sweep)

    def _sweep(self) -> None:
        for connection in self.connections:
            connection.idle_sweeps += 1
            if connection.idle_sweeps > SWEEPS_PER_IDLE_TIME and not connection.is_waiting:
                connection.close(abort=True)
        self._schedule_sweep()
