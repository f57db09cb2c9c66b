"""Other brokers, as the parts of a node see them: metadata that says who leads what, and peers that the test plays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.protocol.metadata_record.partition_record import PartitionRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeVar

    from ottla.protocol.message import Request, Response

    ResponseT = TypeVar("ResponseT", bound=Response)


def topic_id(name: str) -> bytes:
    return name.encode().ljust(16, b"_")[:16]


def image_of(leaders: Mapping[str, Sequence[int]]) -> MetadataImage:
    """`leaders`: of each topic's partitions; -1 for none."""
    delta = MetadataDelta(EMPTY_IMAGE)
    for name, nodes in leaders.items():
        delta.replay(TopicRecord(name=name, topic_id=topic_id(name)))
        for index, leader in enumerate(nodes):
            delta.replay(
                PartitionRecord(
                    partition_id=index,
                    topic_id=topic_id(name),
                    replicas=[1, 2, 3],
                    isr=[1, 2, 3],
                    removing_replicas=[],
                    adding_replicas=[],
                    leader=leader,
                    leader_epoch=0,
                    partition_epoch=0,
                )
            )
    return delta.apply(offset=1, epoch=1, timestamp_ms=0)


class Asked:
    def __init__(self, node_id: int, request: Request, answer: asyncio.Future[Response]) -> None:
        self.node_id = node_id
        self.request = request
        self.answer = answer


class PlayedPeer:
    def __init__(self, node_id: int, asked: asyncio.Queue[Asked]) -> None:
        self._node_id = node_id
        self._asked = asked

    def send(
        self, request: Request, response_class: type[ResponseT], *, timeout_ms: float, version: int | None = None
    ) -> asyncio.Future[ResponseT]:
        answer: asyncio.Future[ResponseT] = asyncio.get_running_loop().create_future()
        self._asked.put_nowait(Asked(self._node_id, request, answer))  # type: ignore[arg-type]
        return answer


class PlayedPeers:
    """What is asked of any of them, in order."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[Asked] = asyncio.Queue()
        self.unknown: set[int] = set()

    def of(self, node_id: int) -> PlayedPeer | None:
        return None if node_id in self.unknown else PlayedPeer(node_id, self.asked)

    async def next(self) -> Asked:
        return await asyncio.wait_for(self.asked.get(), 5)
