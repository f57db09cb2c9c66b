"""The quorum's way to other replicas: one `Peer` an address. ADR 5, point 9.

A connection that is lost is a hint to look: it is made anew at once, and consensus is told where nobody listens.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ottla.broker.peer.connection import PeerError
from ottla.broker.peer.look import pause
from ottla.broker.peer.peer import Peer, PeerContext
from ottla.protocol.api_keys import API, ApiKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.protocol.message import Request, Response
    from ottla.raft.settings import Address

MAX_LOOKS = 3
"""A process that ends closes its listeners last."""
MAX_PEERS = 64
"""More addresses than any quorum has: whoever was asked first is forgotten first."""


class PeerTransport:
    def __init__(self, context: PeerContext, request_timeout_ms: float) -> None:
        self.on_gone: Callable[[Address], None] = lambda address: None
        """Nobody listens at an address any more."""
        self._context = context
        self._request_timeout_ms = request_timeout_ms
        self._peers: dict[Address, Peer] = {}
        self._looking: dict[asyncio.Task[None], None] = {}  # in the order in which they began

    def send(self, destination: Address, request: Request) -> asyncio.Future[Response]:
        response_class = API[ApiKey(request.api_key)].response
        answer = self._peer(destination).send(request, response_class, timeout_ms=self._request_timeout_ms)
        answer.add_done_callback(lambda done: self._look(destination, done))
        return answer

    def close(self) -> None:
        for peer in self._peers.values():
            peer.close()
        for task in self._looking:
            task.cancel()

    def _peer(self, address: Address) -> Peer:
        peer = self._peers.get(address)
        if peer is None:
            if len(self._peers) >= MAX_PEERS:
                self._peers.pop(next(iter(self._peers))).close()
            peer = self._peers[address] = Peer(self._context, address, lambda: self._lost(address))
        return peer

    def _look(self, address: Address, answer: asyncio.Future[Response]) -> None:
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, PeerError) and error.refused:
            self.on_gone(address)

    def _lost(self, address: Address) -> None:
        task = asyncio.get_running_loop().create_task(self._connect_again(address))
        self._looking[task] = None
        task.add_done_callback(self._looking.pop)

    async def _connect_again(self, address: Address) -> None:
        for _ in range(MAX_LOOKS):
            peer = self._peers.get(address)
            if peer is None:
                return
            try:
                await peer.connect()
            except PeerError as error:
                if error.refused:
                    self.on_gone(address)
                    return
                await pause(self._context.timers, peer.retry_after_ms)
            else:
                return
