"""The states of share partitions, wherever their coordinator is: here by a call, elsewhere by the state APIs.

What is asked of another broker about one share partition goes in the order in which it was asked, and is tried again
for a while where the coordinator is not to be reached, is loading, or has moved. KIP-932; Kafka's
`PersisterStateManager`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from ottla.broker.coordinator.broker_batches import PeersById, ask
from ottla.broker.coordinator.eventually import Eventually
from ottla.broker.coordinator.share_coordinator import SHARE_STATE_TOPIC, ShareCoordinator
from ottla.broker.peer.connection import PeerError
from ottla.coordinator.share.shard import Refusal, Write
from ottla.coordinator.share.share_partition_state import SharePartitionKey, SharePartitionState
from ottla.coordinator.share.state_batch import StateBatch
from ottla.metadata.image import MetadataImage
from ottla.metadata.partition import NO_LEADER
from ottla.protocol.api import (
    delete_share_group_state,
    initialize_share_group_state,
    read_share_group_state,
    read_share_group_state_summary,
    write_share_group_state,
)
from ottla.protocol.errors import ErrorCode, error_code
from ottla.runtime.time import Timers

MAX_ATTEMPTS: Final = 5
RETRY_BACKOFF_MS: Final = 100.0
UNKNOWN: Final = -1

_COMING_BACK: Final = frozenset(
    (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.NOT_COORDINATOR)
)

T = TypeVar("T")


class ClusterShareStates:
    """What the leaders of share partitions, and the coordinator of their groups, ask of a `ShareCoordinator`."""

    def __init__(
        self,
        local: ShareCoordinator,
        peers: PeersById,
        image: Callable[[], MetadataImage],
        timers: Timers,
        *,
        node_id: int,
        timeout_ms: float,
    ) -> None:
        self._local = local
        self._peers = peers
        self._image = image
        self._timers = timers
        self._node_id = node_id
        self._timeout_ms = timeout_ms
        self._last: dict[SharePartitionKey, asyncio.Task[object]] = {}

    def close(self) -> None:
        for task in list(self._last.values()):
            task.cancel()

    async def ensure_topic(self) -> None:
        await self._local.ensure_topic()

    def initialize(self, key: SharePartitionKey, state_epoch: int, start_offset: int) -> Eventually[Refusal | None]:
        def there(node_id: int) -> Awaitable[Refusal | None]:
            return self._initialize(node_id, key, state_epoch, start_offset)

        return self._ask(key, lambda: self._local.initialize(key, state_epoch, start_offset), there)

    def delete(self, key: SharePartitionKey) -> Eventually[Refusal | None]:
        return self._ask(key, lambda: self._local.delete(key), lambda node_id: self._delete(node_id, key))

    def read(self, key: SharePartitionKey, leader_epoch: int) -> Eventually[SharePartitionState | Refusal]:
        def there(node_id: int) -> Awaitable[SharePartitionState | Refusal]:
            return self._read(node_id, key, leader_epoch)

        return self._ask(key, lambda: self._local.read(key, leader_epoch), there)

    def write(self, key: SharePartitionKey, write: Write) -> Eventually[Refusal | None]:
        return self._ask(key, lambda: self._local.write(key, write), lambda node_id: self._write(node_id, key, write))

    def read_summary(self, key: SharePartitionKey) -> Eventually[SharePartitionState | Refusal]:
        return self._ask(key, lambda: self._local.read_summary(key), lambda node_id: self._summary(node_id, key))

    # ── whom to ask ────────────────────────────────────────────────────────────────────────────────────────────────

    def _coordinator(self, key: SharePartitionKey) -> int:
        return self._image().topics.leader_of(SHARE_STATE_TOPIC, self._local.partition_for(key.coordinator_key))

    def _ask(
        self,
        key: SharePartitionKey,
        here: Callable[[], Eventually[T | Refusal]],
        there: Callable[[int], Awaitable[T | Refusal]],
    ) -> Eventually[T | Refusal]:
        before = self._last.get(key)
        if before is None and self._coordinator(key) == self._node_id:
            return here()
        task = asyncio.get_running_loop().create_task(self._in_turn(before, key, here, there))
        self._last[key] = task
        task.add_done_callback(lambda done: self._last.pop(key) if self._last.get(key) is done else None)
        return task

    async def _in_turn(
        self,
        before: "asyncio.Task[object] | None",
        key: SharePartitionKey,
        here: Callable[[], Eventually[T | Refusal]],
        there: Callable[[int], Awaitable[T | Refusal]],
    ) -> T | Refusal:
        if before is not None:
            await asyncio.wait((before,))
        pause_ms = RETRY_BACKOFF_MS
        for _ in range(MAX_ATTEMPTS - 1):
            answer = await self._attempt(key, here, there)
            if not isinstance(answer, Refusal) or answer.error not in _COMING_BACK:
                return answer
            await self._pause(pause_ms)
            pause_ms *= 2
        return await self._attempt(key, here, there)

    async def _attempt(
        self,
        key: SharePartitionKey,
        here: Callable[[], Eventually[T | Refusal]],
        there: Callable[[int], Awaitable[T | Refusal]],
    ) -> T | Refusal:
        node_id = self._coordinator(key)
        if node_id == self._node_id:
            answer = here()
            return await answer if isinstance(answer, Awaitable) else answer
        if node_id == NO_LEADER:
            return Refusal(ErrorCode.COORDINATOR_NOT_AVAILABLE, "nobody coordinates the share partition at the moment")
        try:
            return await there(node_id)
        except PeerError as error:
            return Refusal(ErrorCode.COORDINATOR_NOT_AVAILABLE, str(error))

    async def _pause(self, wait_ms: float) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self._timers.call_later(wait_ms, lambda: None if over.done() else over.set_result(None))
        try:
            await over
        finally:
            timer.cancel()

    # ── the requests, of one share partition each ──────────────────────────────────────────────────────────────────

    async def _initialize(
        self, node_id: int, key: SharePartitionKey, state_epoch: int, start_offset: int
    ) -> Refusal | None:
        api = initialize_share_group_state
        data = api.PartitionData(partition=key.partition, state_epoch=state_epoch, start_offset=start_offset)
        topics = [api.InitializeStateData(topic_id=key.topic_id, partitions=[data])]
        request = api.InitializeShareGroupStateRequest(group_id=key.group_id, topics=topics)
        answer = await ask(self._peers, node_id, request, api.InitializeShareGroupStateResponse, self._timeout_ms)
        return _refusal([one for result in answer.results for one in result.partitions])

    async def _delete(self, node_id: int, key: SharePartitionKey) -> Refusal | None:
        api = delete_share_group_state
        topics = [api.DeleteStateData(topic_id=key.topic_id, partitions=[api.PartitionData(partition=key.partition)])]
        request = api.DeleteShareGroupStateRequest(group_id=key.group_id, topics=topics)
        answer = await ask(self._peers, node_id, request, api.DeleteShareGroupStateResponse, self._timeout_ms)
        return _refusal([one for result in answer.results for one in result.partitions])

    async def _write(self, node_id: int, key: SharePartitionKey, write: Write) -> Refusal | None:
        api = write_share_group_state
        data = api.PartitionData(
            partition=key.partition,
            state_epoch=write.state_epoch,
            leader_epoch=write.leader_epoch,
            start_offset=write.start_offset,
            delivery_complete_count=write.delivery_complete_count,
            state_batches=[
                api.StateBatch(
                    first_offset=batch.first_offset,
                    last_offset=batch.last_offset,
                    delivery_state=batch.delivery_state,
                    delivery_count=batch.delivery_count,
                )
                for batch in write.state_batches
            ],
        )
        topics = [api.WriteStateData(topic_id=key.topic_id, partitions=[data])]
        request = api.WriteShareGroupStateRequest(group_id=key.group_id, topics=topics)
        answer = await ask(self._peers, node_id, request, api.WriteShareGroupStateResponse, self._timeout_ms)
        return _refusal([one for result in answer.results for one in result.partitions])

    async def _read(self, node_id: int, key: SharePartitionKey, leader_epoch: int) -> SharePartitionState | Refusal:
        api = read_share_group_state
        data = api.PartitionData(partition=key.partition, leader_epoch=leader_epoch)
        topics = [api.ReadStateData(topic_id=key.topic_id, partitions=[data])]
        request = api.ReadShareGroupStateRequest(group_id=key.group_id, topics=topics)
        answer = await ask(self._peers, node_id, request, api.ReadShareGroupStateResponse, self._timeout_ms)
        found = [one for result in answer.results for one in result.partitions]
        refusal = _refusal(found)
        if refusal is not None:
            return refusal
        state = found[0]
        return SharePartitionState(
            snapshot_epoch=UNKNOWN,
            state_epoch=state.state_epoch,
            leader_epoch=leader_epoch,
            start_offset=state.start_offset,
            state_batches=[
                StateBatch(batch.first_offset, batch.last_offset, batch.delivery_state, batch.delivery_count)
                for batch in state.state_batches
            ],
        )

    async def _summary(self, node_id: int, key: SharePartitionKey) -> SharePartitionState | Refusal:
        api = read_share_group_state_summary
        data = api.PartitionData(partition=key.partition, leader_epoch=UNKNOWN)
        topics = [api.ReadStateSummaryData(topic_id=key.topic_id, partitions=[data])]
        request = api.ReadShareGroupStateSummaryRequest(group_id=key.group_id, topics=topics)
        answer = await ask(self._peers, node_id, request, api.ReadShareGroupStateSummaryResponse, self._timeout_ms)
        found = [one for result in answer.results for one in result.partitions]
        refusal = _refusal(found)
        if refusal is not None:
            return refusal
        state = found[0]
        return SharePartitionState(
            snapshot_epoch=UNKNOWN,
            state_epoch=state.state_epoch,
            leader_epoch=state.leader_epoch,
            start_offset=state.start_offset,
            delivery_complete_count=state.delivery_complete_count,
        )


class _Answered(Protocol):
    """The part of every such answer that says whether it is one."""

    error_code: int
    error_message: str | None


def _refusal(answers: Sequence[_Answered]) -> Refusal | None:
    """What was said of the one share partition that was asked about."""
    if len(answers) != 1:
        return Refusal(ErrorCode.UNKNOWN_SERVER_ERROR, "the share coordinator's answer is about something else")
    code = error_code(answers[0].error_code)
    return None if code is ErrorCode.NONE else Refusal(code, answers[0].error_message or code.message)
