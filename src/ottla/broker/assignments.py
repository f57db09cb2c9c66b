"""Tells the controller in which log directories replicas lie: in batches, again until it knows. KIP-858.

What is placed while a request is under way goes with the next one. Kafka's `AssignmentsManager`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from ottla.protocol.api.assign_replicas_to_dirs import (
    AssignReplicasToDirsRequest,
    AssignReplicasToDirsRequestDirectoryData,
    AssignReplicasToDirsRequestPartitionData,
    AssignReplicasToDirsRequestTopicData,
    AssignReplicasToDirsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.runtime.time import Timers

MAX_PER_REQUEST: Final = 2_250
"""As in Apache Kafka, whose controller takes no more."""
RETRY_BACKOFF_MS: Final = 100.0
RETRY_BACKOFF_MAX_MS: Final = 10_000.0

_NOT_OURS: Final = frozenset(
    (ErrorCode.UNKNOWN_TOPIC_ID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.NOT_LEADER_OR_FOLLOWER)
)
"""The replica is gone meanwhile: nobody needs to know where it lay."""

ResponseT = TypeVar("ResponseT", bound=Response)
Replica = tuple[bytes, int]
"""Topic id and partition."""


class AssignmentChannel(Protocol):
    async def send(self, request: Request, response_class: type[ResponseT]) -> ResponseT: ...


class Assignments:
    """As many are kept as this node has replicas."""

    def __init__(
        self,
        channel: AssignmentChannel,
        node_id: int,
        broker_epoch: Callable[[], int],
        timers: Timers,
        report: Callable[[str], None],
    ) -> None:
        self._channel = channel
        self._node_id = node_id
        self._broker_epoch = broker_epoch
        self._timers = timers
        self._report = report
        self._pending: dict[Replica, bytes] = {}
        self._task: asyncio.Task[None] | None = None

    def assign(self, placed: Mapping[Replica, bytes]) -> None:
        """Replica -> directory id."""
        self._pending.update(placed)
        if self._task is None and self._pending:
            self._task = asyncio.get_running_loop().create_task(self._send_all())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _send_all(self) -> None:
        pause_ms = RETRY_BACKOFF_MS
        try:
            while self._pending:
                if await self._send():
                    pause_ms = RETRY_BACKOFF_MS
                else:
                    await self._pause(pause_ms)
                    pause_ms = min(pause_ms * 2, RETRY_BACKOFF_MAX_MS)
        finally:
            self._task = None

    async def _send(self) -> bool:
        """False: something has to be said again."""
        batch = dict(list(self._pending.items())[:MAX_PER_REQUEST])
        for replica in batch:
            del self._pending[replica]
        try:
            answer = await self._channel.send(self._request(batch), AssignReplicasToDirsResponse)
            error = error_code(answer.error_code)
        except KafkaError as failure:
            error = failure.code
        if error is ErrorCode.NONE:
            batch = _refused(answer, batch)
        else:
            self._report(f"the controller could not be told where {len(batch)} replicas lie: {error.name}")
        for replica, directory_id in batch.items():
            self._pending.setdefault(replica, directory_id)
        return not batch

    def _request(self, batch: Mapping[Replica, bytes]) -> AssignReplicasToDirsRequest:
        by_directory: dict[bytes, dict[bytes, list[AssignReplicasToDirsRequestPartitionData]]] = {}
        for (topic_id, index), directory_id in batch.items():
            partitions = by_directory.setdefault(directory_id, {}).setdefault(topic_id, [])
            partitions.append(AssignReplicasToDirsRequestPartitionData(partition_index=index))
        return AssignReplicasToDirsRequest(
            broker_id=self._node_id,
            broker_epoch=self._broker_epoch(),
            directories=[
                AssignReplicasToDirsRequestDirectoryData(
                    id=directory_id,
                    topics=[
                        AssignReplicasToDirsRequestTopicData(topic_id=topic_id, partitions=partitions)
                        for topic_id, partitions in by_topic.items()
                    ],
                )
                for directory_id, by_topic in by_directory.items()
            ],
        )

    async def _pause(self, wait_ms: float) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self._timers.call_later(wait_ms, lambda: None if over.done() else over.set_result(None))
        try:
            await over
        finally:
            timer.cancel()


def _refused(answer: AssignReplicasToDirsResponse, batch: Mapping[Replica, bytes]) -> dict[Replica, bytes]:
    """What the controller does not know yet, and should."""
    done = {
        (topic.topic_id, partition.partition_index)
        for directory in answer.directories
        for topic in directory.topics
        for partition in topic.partitions
        if partition.error_code == ErrorCode.NONE or error_code(partition.error_code) in _NOT_OURS
    }
    return {replica: directory_id for replica, directory_id in batch.items() if replica not in done}
