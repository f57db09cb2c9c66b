"""Producer ids, from blocks that the controller hands out (KIP-730). Kafka's `RPCProducerIdManager`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ottla.metadata.controller.producer_ids import ProducerIdsBlock
from ottla.protocol.api.allocate_producer_ids import AllocateProducerIdsRequest, AllocateProducerIdsResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.controller_channel import ControllerRequests
    from ottla.metadata.image import MetadataImage

EMPTY_BLOCK = ProducerIdsBlock(0, 0)


class ProducerIds:
    """The block of ids that this broker gives out, each once."""

    def __init__(self, channel: ControllerRequests, image: Callable[[], MetadataImage], node_id: int) -> None:
        self._channel = channel
        self._image = image
        self._node_id = node_id
        self._block = EMPTY_BLOCK
        self._used = 0
        self._refilling: asyncio.Task[None] | None = None

    @property
    def available(self) -> bool:
        return self._used < self._block.size

    def take(self) -> int | None:
        """An id; None when the block is used up: the next one is on its way then."""
        if not self.available:
            self._refill()
            return None
        self._used += 1
        return self._block.first_id + self._used - 1

    async def fill(self) -> None:
        """Return when there is an id to take. Raises `KafkaError` if the controller gives no block."""
        while not self.available:
            await asyncio.shield(self._refill())

    async def next(self) -> int:
        """Raises `KafkaError` if the controller gives no block."""
        while True:
            await self.fill()
            taken = self.take()
            if taken is not None:
                return taken

    def _refill(self) -> asyncio.Task[None]:
        """One for all who wait."""
        task = self._refilling
        if task is None:
            task = self._refilling = asyncio.get_running_loop().create_task(self._allocate())
            task.add_done_callback(self._refilled)
        return task

    def _refilled(self, task: asyncio.Task[None]) -> None:
        self._refilling = None
        if not task.cancelled():
            task.exception()  # who waits for it is told; when nobody does, the next one asks again

    async def _allocate(self) -> None:
        broker = self._image().cluster.brokers.get(self._node_id)
        if broker is None:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        request = AllocateProducerIdsRequest(broker_id=self._node_id, broker_epoch=broker.epoch)
        answer = await self._channel.send(request, AllocateProducerIdsResponse)
        if answer.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(answer.error_code))
        self._block = ProducerIdsBlock(answer.producer_id_start, answer.producer_id_len)
        self._used = 0
