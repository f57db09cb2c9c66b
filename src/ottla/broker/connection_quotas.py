"""Who may come in, and when: the bounds on the connections of a node, of its listeners and of a host.

max.connections                       reached: new connections stay in the system's backlog until one leaves. Those of
                                      the inter-broker listener come in, and the connection of another listener that
                                      was silent for longest goes (`idle_sweeps`)
listener.name.<l>.max.connections     reached: the listener's stay in the backlog
max.connections.per.ip (+overrides)   reached: a further connection of that host is closed at once
max.connection.creation.rate          reached, as a mean over `quota.window.num` windows: connections come in one by one
listener.name.<l>.max.connection.…    with pauses of one window at most; that of the inter-broker listener counts alone
connection_creation_rate of a host    reached: a further connection of that host is closed at once (KIP-612)

All may change at run time; those who are inside stay. Kafka's `ConnectionQuotas`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.broker.quotas.rates import SampledRate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.broker.connection import Connection
    from ottla.runtime.network import Listener
    from ottla.runtime.time import Clock, Timer, Timers

UNLIMITED: Final = 2**31 - 1
MAX_HOST_RATES: Final = 10_000
"""Hosts whose new connections are counted at most; then all begin anew."""
LEAST_RATE: Final = 1e-9


@dataclass(slots=True, frozen=True)
class ListenerLimits:
    max_connections: int = UNLIMITED
    max_creation_rate: int = UNLIMITED


@dataclass(slots=True, frozen=True)
class ConnectionLimits:
    max_connections: int
    max_connections_per_host: int
    max_idle_ms: int
    max_request_bytes: int
    per_host_overrides: Mapping[str, int] = field(default_factory=dict)
    max_creation_rate: int = UNLIMITED
    """New connections a second."""
    by_listener: Mapping[str, ListenerLimits] = field(default_factory=dict)
    inter_broker_listener: str = ""
    rate_windows: int = 11
    rate_window_ms: int = 1000

    def of_host(self, host: str) -> int:
        return self.per_host_overrides.get(host, self.max_connections_per_host)

    def of_listener(self, name: str) -> ListenerLimits:
        return self.by_listener.get(name, ListenerLimits())


class _CreationRate:
    """New connections a second; `over` is told when a pause that their number asked for has ended."""

    def __init__(self, timers: Timers, limits: ConnectionLimits, over: Callable[[], None]) -> None:
        self._timers = timers
        self._over = over
        self._longest_ms = limits.rate_window_ms
        self._rate = SampledRate(limits.rate_windows, limits.rate_window_ms)
        self._pause: Timer | None = None

    @property
    def pauses(self) -> bool:
        return self._pause is not None

    def count(self, per_second: int, now_ms: float) -> None:
        """One came; a pause begins if another one would be too many."""
        self._rate.record(2, now_ms)
        wait_ms = self._rate.throttle_ms(max(per_second, 1), now_ms)
        self._rate.record(-1, now_ms)
        if wait_ms > 0:
            self.cancel()
            self._pause = self._timers.call_later(min(wait_ms, self._longest_ms), self._ended)

    def cancel(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _ended(self) -> None:
        self._pause = None
        self._over()


class _Door:
    """One listener: who is inside, and whether more come in."""

    def __init__(self, listener: Listener, rate: _CreationRate) -> None:
        self.listener = listener
        self.rate = rate
        self.inside: dict[Connection, None] = {}  # in the order in which they came
        self.accepting = True
        self.entered = 0  # ever


class ConnectionQuotas:
    """`add` each listener; `entered` and `left` for each of its connections."""

    def __init__(self, timers: Timers, clock: Clock, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._timers = timers
        self._clock = clock
        self._doors: dict[str, _Door] = {}
        self._total = 0
        self._per_host: Counter[str] = Counter()
        self._rate = self._new_rate()
        self._host_quotas: Mapping[str | None, float] = {}
        self._host_rates: dict[str, SampledRate] = {}
        self._closed = False

    @property
    def total(self) -> int:
        return self._total

    def add(self, name: str, listener: Listener) -> None:
        self._doors[name] = _Door(listener, self._new_rate())

    def set_limits(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        for rate in self._rates():
            rate.cancel()
        self._look_at_doors()

    def set_host_rates(self, quotas: Mapping[str | None, float]) -> None:
        """New connections a second by host; `None`: of each other host."""
        self._host_quotas = quotas
        if not quotas:
            self._host_rates.clear()

    def close(self) -> None:
        """Let no listener accept again."""
        self._closed = True
        for rate in self._rates():
            rate.cancel()

    def connections(self) -> list[Connection]:
        return [connection for door in self._doors.values() for connection in door.inside]

    def by_listener(self) -> dict[str, tuple[int, list[Connection]]]:
        """How many came in ever, and those that are inside."""
        return {name: (door.entered, list(door.inside)) for name, door in self._doors.items()}

    def entered(self, name: str, connection: Connection) -> bool:
        """Whether it may stay. `left` is called for it in any case."""
        door, host, now_ms = self._doors[name], connection.peer_host, self._clock.monotonic_ms()
        door.inside[connection] = None
        door.entered += 1
        self._total += 1
        self._per_host[host] += 1
        self._count(name, door, now_ms)
        if self._is_protected(name) and self._total > self.limits.max_connections:
            self._close_most_idle(name)
        self._look_at_doors()
        return self._per_host[host] <= self.limits.of_host(host) and self._host_may_come(host, now_ms)

    def left(self, name: str, connection: Connection) -> None:
        del self._doors[name].inside[connection]
        self._total -= 1
        host = connection.peer_host
        self._per_host[host] -= 1
        if not self._per_host[host]:
            del self._per_host[host]
        self._look_at_doors()

    # --- how many

    def _is_protected(self, name: str) -> bool:
        return name == self.limits.inter_broker_listener and len(self._doors) > 1

    def _look_at_doors(self) -> None:
        if self._closed:
            return
        full = self._total >= self.limits.max_connections
        for name, door in self._doors.items():
            accepting = (
                not door.rate.pauses
                and len(door.inside) < self.limits.of_listener(name).max_connections
                and (self._is_protected(name) or not (full or self._rate.pauses))
            )
            if accepting != door.accepting:
                door.accepting = accepting
                door.listener.resume_accepting() if accepting else door.listener.pause_accepting()

    def _close_most_idle(self, protected: str) -> None:
        others = [connection for name, door in self._doors.items() if name != protected for connection in door.inside]
        if others:
            max(others, key=lambda connection: connection.idle_sweeps).close(abort=True)

    # --- how many a second

    def _new_rate(self) -> _CreationRate:
        return _CreationRate(self._timers, self.limits, self._look_at_doors)

    def _rates(self) -> list[_CreationRate]:
        return [self._rate, *(door.rate for door in self._doors.values())]

    def _count(self, name: str, door: _Door, now_ms: float) -> None:
        if self._closed:
            return
        door.rate.count(self.limits.of_listener(name).max_creation_rate, now_ms)
        if not self._is_protected(name):
            self._rate.count(self.limits.max_creation_rate, now_ms)

    def _host_may_come(self, host: str, now_ms: float) -> bool:
        quota = self._host_quotas.get(host, self._host_quotas.get(None))
        if quota is None:
            return True
        rate = self._host_rates.get(host)
        if rate is None:
            if len(self._host_rates) >= MAX_HOST_RATES:
                self._host_rates.clear()
            rate = self._host_rates[host] = SampledRate(self.limits.rate_windows, self.limits.rate_window_ms)
        rate.record(1, now_ms)
        if rate.throttle_ms(max(quota, LEAST_RATE), now_ms) <= 0:
            return True
        rate.record(-1, now_ms)  # who is turned away does not count
        return False
