"""What one node asks another of its kind, in batches: one request at a time, with all that came meanwhile.

Of transaction markers, transactions to verify, and states of share partitions. Kafka's `InterBrokerSendThread`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Protocol, TypeVar

from ottla.broker.peer.connection import PeerError
from ottla.broker.peer.peer import Peer
from ottla.protocol.message import Request, Response

MAX_WAITING: Final = 10_000
"""Of one broker; one more is not taken."""
MAX_BATCH: Final = 1_000

ItemT = TypeVar("ItemT")
ResponseT = TypeVar("ResponseT", bound=Response)


class PeersById(Protocol):
    """`broker.peer.peers.Peers`"""

    def of(self, node_id: int) -> Peer | None: ...


class BrokerBatches(Generic[ItemT]):
    """`send(node id, items)` sees to the answers of all of them; `give_up(item)` of one that nobody is asked any more.

    An item may be given up although its answer has come.
    """

    def __init__(self, send: Callable[[int, list[ItemT]], Awaitable[None]], give_up: Callable[[ItemT], object]) -> None:
        self._send = send
        self._give_up = give_up
        self._closed = False
        self._waiting: dict[int, list[ItemT]] = {}
        self._under_way: dict[int, list[ItemT]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def add(self, node_id: int, item: ItemT) -> bool:
        """False: too much waits for that broker, or this node stops."""
        if self._closed:
            return False
        waiting = self._waiting.setdefault(node_id, [])
        if len(waiting) >= MAX_WAITING:
            return False
        waiting.append(item)
        if node_id not in self._tasks:
            self._tasks[node_id] = asyncio.get_running_loop().create_task(self._send_all(node_id))
        return True

    async def _send_all(self, node_id: int) -> None:
        try:
            while waiting := self._waiting.get(node_id):
                self._under_way[node_id], self._waiting[node_id] = waiting[:MAX_BATCH], waiting[MAX_BATCH:]
                await self._send(node_id, self._under_way[node_id])
        finally:
            del self._tasks[node_id]
            self._give_up_all(node_id)

    def _give_up_all(self, node_id: int) -> None:
        for item in (*self._under_way.pop(node_id, ()), *self._waiting.pop(node_id, ())):
            self._give_up(item)

    def close(self) -> None:
        """Who waits is told that there will be no answer."""
        self._closed = True
        for task in list(self._tasks.values()):
            task.cancel()
        for node_id in (*self._under_way, *self._waiting):
            self._give_up_all(node_id)


async def ask(
    peers: PeersById, node_id: int, request: Request, response_class: type[ResponseT], timeout_ms: float
) -> ResponseT:
    """`PeerError`: also when nobody is registered as that node."""
    peer = peers.of(node_id)
    if peer is None:
        raise PeerError(f"broker {node_id} is not registered")
    return await peer.send(request, response_class, timeout_ms=timeout_ms)
