"""Who was asked what, and when to ask again: at most one request is under way to an address. Kafka's `RequestManager`.

ready ──sent──► waiting ──answered well──► ready
                   └──failed, refused──► backing off (`retry.backoff.ms`) ──► ready
                   └──`request.timeout.ms`──► ready; the late answer is nobody's
"""

from typing import NamedTuple

from ottla.protocol.message import Request
from ottla.raft.settings import Address, RaftSettings

NEVER = float("inf")


class InFlight(NamedTuple):
    correlation_id: int
    destination: Address
    request: Request
    sent_ms: float


class Connections:
    def __init__(self, settings: RaftSettings) -> None:
        self._settings = settings
        self._in_flight: dict[Address, InFlight] = {}
        self._ready_again_ms: dict[Address, float] = {}
        self._next_correlation_id = 0
        self._next_server = 0

    def is_ready(self, address: Address, now_ms: float) -> bool:
        if self._ready_again_ms.get(address, 0) > now_ms:
            return False
        waiting = self._in_flight.get(address)
        return waiting is None or self._timed_out(waiting, now_ms)

    def ready_at(self, address: Address) -> float:
        """When it is ready if nothing comes until then."""
        waiting = self._in_flight.get(address)
        if waiting is not None:
            return self._deadline_ms(waiting)
        return self._ready_again_ms.get(address, 0)

    def has_timed_out(self, address: Address, now_ms: float) -> bool:
        waiting = self._in_flight.get(address)
        return waiting is not None and self._timed_out(waiting, now_ms)

    def is_backing_off(self, address: Address, now_ms: float) -> bool:
        return self._ready_again_ms.get(address, 0) > now_ms

    def has_any_in_flight(self, now_ms: float) -> bool:
        return any(not self._timed_out(waiting, now_ms) for waiting in self._in_flight.values())

    def next_change_ms(self, now_ms: float) -> float:
        """When somebody is ready again, at the latest."""
        times = map(self._deadline_ms, self._in_flight.values())
        return min((at for at in (*times, *self._ready_again_ms.values()) if at > now_ms), default=NEVER)

    def sent(self, address: Address, request: Request, now_ms: float) -> int:
        """The correlation id."""
        self._next_correlation_id += 1
        self._in_flight[address] = InFlight(self._next_correlation_id, address, request, now_ms)
        self._ready_again_ms.pop(address, None)
        return self._next_correlation_id

    def find(self, correlation_id: int) -> InFlight | None:
        """`None` for an answer that nobody waits for any more."""
        return next((one for one in self._in_flight.values() if one.correlation_id == correlation_id), None)

    def finished(self, waiting: InFlight, *, well: bool, now_ms: float) -> None:
        """Nothing if the connections were forgotten meanwhile."""
        if self._in_flight.get(waiting.destination) is waiting:
            del self._in_flight[waiting.destination]
            if not well:
                self._ready_again_ms[waiting.destination] = now_ms + self._settings.retry_backoff_ms

    def reset(self) -> None:
        """Of another role: every answer that is still to come is to a question that nobody has."""
        self._in_flight.clear()
        self._ready_again_ms.clear()

    def back_off(self, address: Address, now_ms: float) -> None:
        self._in_flight.pop(address, None)
        self._ready_again_ms[address] = now_ms + self._settings.retry_backoff_ms

    def ready_server(self, servers: list[Address], now_ms: float) -> Address | None:
        """One after the other, so that a server that is gone is not asked for ever."""
        for step in range(len(servers)):
            server = servers[(self._next_server + step) % len(servers)]
            if self.is_ready(server, now_ms):
                self._next_server = (self._next_server + step + 1) % len(servers)
                return server
        return None

    def _timed_out(self, waiting: InFlight, now_ms: float) -> bool:
        return now_ms >= self._deadline_ms(waiting)

    def _deadline_ms(self, waiting: InFlight) -> float:
        """Computed in one way only: sums of floats differ by who is added first."""
        return waiting.sent_ms + self._settings.request_timeout_ms
