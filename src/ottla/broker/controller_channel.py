"""The way of a broker to whoever is the active controller: in this process by a call, elsewhere by a connection.

    send ─► who leads? ─ this node ──────► the controller's own handler
              │    └──── another node ───► Peer ─► answer
              └ nobody known ─► wait until somebody is, or `RETRY_BACKOFF_MS`, and look again
                                   ▲
    NOT_CONTROLLER, connection lost ┘  until the time is over: REQUEST_TIMED_OUT

One channel is one connection, whose requests are served one after the other: what must not wait for the rest
(heartbeats) has a channel of its own. Kafka's `NodeToControllerChannelManager`. KIP-500, 590.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from ottla.broker.peer.connection import PeerError
from ottla.broker.peer.peer import Address, Peer, PeerContext
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RETRY_BACKOFF_MS: Final = 50.0
REQUEST_TIMEOUT_MS: Final = 30_000.0
"""`request.timeout.ms`: how long `send` tries in all, unless it is told otherwise."""
MAX_UNDER_WAY: Final = 4_096
"""Requests that are waited for; one more is refused with BROKER_NOT_AVAILABLE."""
NOBODY: Final = -1

ResponseT = TypeVar("ResponseT", bound=Response)


class LeaderSource(Protocol):
    """Who is the active controller, as far as this node knows (`QuorumShell`)."""

    @property
    def leader_id(self) -> int: ...

    def leader_endpoint(self) -> Address | None: ...

    def on_leader_changed(self, subscriber: Callable[[int, int], None]) -> None: ...


class LocalController(Protocol):
    """The controller of this process."""

    @property
    def is_active(self) -> bool: ...

    def serve(self, request: Request) -> Awaitable[Response]:
        """As it answers any broker. May raise `KafkaError`."""
        ...


class ControllerRequests(Protocol):
    """What most users need of a channel."""

    async def send(self, request: Request, response_class: type[ResponseT]) -> ResponseT: ...


class ControllerChannel:
    def __init__(
        self, quorum: LeaderSource, context: PeerContext, node_id: int, local: LocalController | None = None
    ) -> None:
        """`local`: `None` on a node without a controller."""
        self._quorum = quorum
        self._context = context
        self._node_id = node_id
        self._local = local
        self._peer: Peer | None = None
        self._changed: dict[asyncio.Future[None], None] = {}
        self._under_way = 0
        self._closed = False
        quorum.on_leader_changed(self._leader_changed)

    @property
    def is_local(self) -> bool:
        """Whether the active controller is in this process."""
        return self._local is not None and self._local.is_active

    async def send(
        self, request: Request, response_class: type[ResponseT], *, timeout_ms: float = REQUEST_TIMEOUT_MS
    ) -> ResponseT:
        """The active controller's answer. `KafkaError`: REQUEST_TIMED_OUT, or BROKER_NOT_AVAILABLE when closing."""
        if self._under_way >= MAX_UNDER_WAY:
            raise KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, f"{MAX_UNDER_WAY} requests wait for the controller")
        self._under_way += 1
        try:
            return await self._send(request, response_class, self._context.clock.monotonic_ms() + timeout_ms)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Whoever waits is told BROKER_NOT_AVAILABLE."""
        self._closed = True
        if self._peer is not None:
            self._peer.close()
        self._wake()

    async def _send(self, request: Request, response_class: type[ResponseT], deadline_ms: float) -> ResponseT:
        why = "nobody is known to be the active controller"
        while True:
            if self._closed:
                raise KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, "This node is shutting down")
            left_ms = deadline_ms - self._context.clock.monotonic_ms()
            if left_ms <= 0:
                raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, f"The active controller did not answer: {why}")
            try:
                response = await self._attempt(request, response_class, left_ms)
            except PeerError as error:
                why = str(error)
                response = None
            if response is not None:
                if getattr(response, "error_code", ErrorCode.NONE) != ErrorCode.NOT_CONTROLLER:
                    return response
                why = f"node {self._quorum.leader_id} says that it is not the controller"
            await self._pause(min(RETRY_BACKOFF_MS, left_ms))

    async def _attempt(self, request: Request, response_class: type[ResponseT], left_ms: float) -> ResponseT | None:
        """`None`: there is nobody to ask, or whoever was asked leads no more."""
        local = self._local
        if local is not None and local.is_active:
            try:
                answer = await local.serve(request)
            except KafkaError as error:
                if error.code is ErrorCode.NOT_CONTROLLER:
                    return None
                raise
            assert isinstance(answer, response_class)
            return answer
        address = self._quorum.leader_endpoint()
        if address is None or self._quorum.leader_id in (NOBODY, self._node_id):
            return None
        sent = self._peer_at(address).send(request, response_class, timeout_ms=left_ms)
        changed = self._next_change()
        try:
            await asyncio.wait((sent, changed), return_when=asyncio.FIRST_COMPLETED)
        finally:  # also when whoever asked has gone away
            changed.cancel()
            sent.add_done_callback(lambda late: late.cancelled() or late.exception())
        return sent.result() if sent.done() else None

    def _peer_at(self, address: Address) -> Peer:
        if self._peer is None or self._peer.address != address:
            if self._peer is not None:
                self._peer.close()
            self._peer = Peer(self._context, address)
        return self._peer

    # ── who leads ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _leader_changed(self, leader_id: int, epoch: int) -> None:
        if leader_id != NOBODY:  # while nobody is known, whoever was asked may still answer
            self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, {}
        for future in list(changed):
            if not future.done():
                future.set_result(None)

    def _next_change(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._changed
        waiting[future] = None  # those who waited first are told first
        future.add_done_callback(lambda done: waiting.pop(done, None))
        return future

    async def _pause(self, wait_ms: float) -> None:
        changed = self._next_change()

        def waited() -> None:
            if not changed.done():
                changed.set_result(None)

        timer = self._context.timers.call_later(wait_ms, waited)
        await changed
        timer.cancel()
