"""The doors of a node: listening sockets, and the bounds on who may be inside at once.

max.connections                       reached: new connections stay in the system's backlog until one leaves
max.connections.per.ip (+overrides)   reached: a further connection of that host is closed at once
max.connection.creation.rate          reached within a second: new connections wait for the next
connections.max.idle.ms               nothing read for so long, and nothing being waited for: closed

All but the last may change at run time (`set_limits`): those who are inside stay.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.broker.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.broker.dispatcher import Dispatcher
    from ottla.broker.listener_security import ListenerSecurity
    from ottla.runtime.network import Listener, Network, Receiver
    from ottla.runtime.time import Timer, Timers

SWEEPS_PER_IDLE_TIME = 8  # how exact the idle bound is: one eighth of it
MIN_SWEEP_INTERVAL_MS = 10.0


@dataclass(slots=True, frozen=True)
class ConnectionLimits:
    max_connections: int
    max_connections_per_host: int
    max_idle_ms: int
    max_request_bytes: int
    per_host_overrides: Mapping[str, int] = field(default_factory=dict)
    max_creation_rate: int = 2**31 - 1
    """New connections a second."""

    def of_host(self, host: str) -> int:
        return self.per_host_overrides.get(host, self.max_connections_per_host)


class Listeners:
    """All listeners of a node and the connections that came through them."""

    def __init__(self, network: Network, timers: Timers, limits: ConnectionLimits) -> None:
        self._network = network
        self._timers = timers
        self._limits = limits
        self._listeners: list[Listener] = []
        self._connections: set[Connection] = set()
        self._per_host: Counter[str] = Counter()
        self._sweeper: Timer | None = None
        self._accepting = True
        self._closed = False
        self._created = 0
        self._second: Timer | None = None
        """Runs while connections of this second are counted."""

    def set_limits(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._look_at_bounds()

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    async def open(
        self, name: str, host: str, port: int, dispatcher: Dispatcher, security: ListenerSecurity | None = None
    ) -> Listener:
        """Listen; `OSError` when the address is not to be had. The listener's port is the real one when 0 was asked."""
        max_bytes, timers = self._limits.max_request_bytes, self._timers

        def accept() -> Receiver:
            if security is None:
                return Connection(dispatcher, name, max_bytes, self._enter, self._leave)
            connection = Connection(
                dispatcher,
                name,
                max_bytes,
                self._enter,
                self._leave,
                security_protocol=security.protocol,
                entrance=security.entrance(dispatcher, timers),
                max_unknown_bytes=security.max_unknown_bytes,
            )
            return security.receiver(connection)

        listener = await self._network.listen(host, port, accept)
        self._listeners.append(listener)
        if self._sweeper is None and self._limits.max_idle_ms > 0:
            self._schedule_sweep()
        return listener

    def stop_accepting(self) -> None:
        self._closed = True
        for listener in self._listeners:
            listener.close()
        for timer in (self._sweeper, self._second):
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """Close every connection; what is queued for a client that reads is still sent."""
        self.stop_accepting()
        for connection in list(self._connections):
            connection.close()

    # --- the bounds

    def _enter(self, connection: Connection) -> bool:
        host = connection.peer_host
        self._connections.add(connection)
        self._per_host[host] += 1
        self._created += 1
        if self._second is None and not self._closed:
            self._second = self._timers.call_later(1000, self._next_second)
        self._look_at_bounds()
        return self._per_host[host] <= self._limits.of_host(host)

    def _leave(self, connection: Connection) -> None:
        self._connections.discard(connection)
        host = connection.peer_host
        self._per_host[host] -= 1
        if not self._per_host[host]:
            del self._per_host[host]
        self._look_at_bounds()

    def _next_second(self) -> None:
        self._created = 0
        self._second = None
        self._look_at_bounds()

    def _look_at_bounds(self) -> None:
        full = len(self._connections) >= self._limits.max_connections
        self._set_accepting(not full and self._created < max(self._limits.max_creation_rate, 1))

    def _set_accepting(self, accepting: bool) -> None:
        if accepting == self._accepting or self._closed:
            return
        self._accepting = accepting
        for listener in self._listeners:
            if accepting:
                listener.resume_accepting()
            else:
                listener.pause_accepting()

    # --- idle connections

    def _schedule_sweep(self) -> None:
        interval_ms = max(self._limits.max_idle_ms / SWEEPS_PER_IDLE_TIME, MIN_SWEEP_INTERVAL_MS)
        self._sweeper = self._timers.call_later(interval_ms, self._sweep)

    def _sweep(self) -> None:
        for connection in list(self._connections):
            connection.idle_sweeps += 1
            if connection.idle_sweeps > SWEEPS_PER_IDLE_TIME and not connection.is_waiting:
                connection.close(abort=True)
        self._schedule_sweep()
