"""A transaction after the other under one transactional id (KIP-98): begun by the first partition that is added.

`begin_again` comes first, and after anything that went wrong: it gets a new epoch, and what was open, of this process
or of one before it, is aborted. Whoever begins with the same id fences who had it.

The versions of before KIP-890's second part are spoken, in which the client adds partitions itself: every broker
takes them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ottla.protocol.api.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
)
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import TypeVar

    from ottla.clients.client import KafkaClient
    from ottla.clients.connection import Connection
    from ottla.clients.consumer import TopicPartition

    T = TypeVar("T")

TRANSACTION_TIMEOUT_MS: Final = 60_000
FENCED_AT_ONCE: Final = 16
_TRANSACTIONAL_ID = 1
_ADD_PARTITIONS_VERSION = 3
_END_TXN_VERSION = 4


class Transaction:
    def __init__(self, client: KafkaClient, transactional_id: str, *, timeout_ms: int = TRANSACTION_TIMEOUT_MS) -> None:
        """What is open for longer than `timeout_ms` the coordinator aborts."""
        self.transactional_id = transactional_id
        self._client = client
        self._timeout_ms = timeout_ms
        self._producer: tuple[int, int] | None = None
        self._partitions: set[TopicPartition] = set()
        self._waiting: set[TopicPartition] = set()
        self._adding = asyncio.Lock()

    @property
    def producer(self) -> tuple[int, int]:
        """Id and epoch. `KafkaError` while nothing may be sent: before the first beginning, and after a failure."""
        if self._producer is None:
            raise KafkaError(ErrorCode.INVALID_TXN_STATE, f"'{self.transactional_id}' has to begin again")
        return self._producer

    @property
    def is_open(self) -> bool:
        return bool(self._partitions)

    async def begin_again(self) -> None:
        self._producer = None
        self._partitions.clear()
        self._waiting.clear()

        async def init(connection: Connection) -> None:
            request = InitProducerIdRequest(
                transactional_id=self.transactional_id, transaction_timeout_ms=self._timeout_ms
            )
            response = await connection.send(
                request, InitProducerIdResponse, timeout_ms=self._client.request_timeout_ms
            )
            self._check(response.error_code, "cannot begin")
            self._producer = (response.producer_id, response.producer_epoch)

        await self._with_coordinator(init)

    def forget(self) -> None:
        """It has to begin again before anything else; whoever knows that it went wrong says so."""
        self._producer = None
        self._partitions.clear()

    async def add(self, where: TopicPartition) -> None:
        """Before the first batch for a partition is sent; asks only once in a transaction, for all who wait at once."""
        if where in self._partitions:
            return
        self._waiting.add(where)
        async with self._adding:
            if where in self._partitions:
                return
            asked, self._waiting = self._waiting | {where}, set()
            await self._add_all(asked)
            self._partitions |= asked

    async def _add_all(self, wheres: set[TopicPartition]) -> None:
        producer_id, epoch = self.producer
        topics: dict[str, list[int]] = {}
        for topic, partition in sorted(wheres):
            topics.setdefault(topic, []).append(partition)

        async def ask(connection: Connection) -> None:
            request = AddPartitionsToTxnRequest(
                v3_and_below_transactional_id=self.transactional_id,
                v3_and_below_producer_id=producer_id,
                v3_and_below_producer_epoch=epoch,
                v3_and_below_topics=[
                    AddPartitionsToTxnTopic(name=topic, partitions=partitions) for topic, partitions in topics.items()
                ],
            )
            version = min(connection.version_of(AddPartitionsToTxnRequest), _ADD_PARTITIONS_VERSION)
            response = await connection.send(
                request, AddPartitionsToTxnResponse, timeout_ms=self._client.request_timeout_ms, version=version
            )
            results = [each for topic in response.results_by_topic_v3_and_below for each in topic.results_by_partition]
            codes = [result.partition_error_code for result in results if result.partition_error_code != ErrorCode.NONE]
            # One refusal keeps out all; those that only follow from it say so.
            causes = [code for code in codes if code != ErrorCode.OPERATION_NOT_ATTEMPTED]
            self._check((causes or codes or [ErrorCode.NONE])[0], f"cannot add {', '.join(topics)}")

        await self._with_coordinator(ask)

    async def commit(self) -> None:
        """Returns when it is decided. After an error it may be or not: `begin_again` finds out by ending it."""
        if not self._partitions:
            return
        producer_id, epoch = self.producer

        async def end(connection: Connection) -> None:
            request = EndTxnRequest(
                transactional_id=self.transactional_id, producer_id=producer_id, producer_epoch=epoch, committed=True
            )
            version = min(connection.version_of(EndTxnRequest), _END_TXN_VERSION)
            response = await connection.send(
                request, EndTxnResponse, timeout_ms=self._client.request_timeout_ms, version=version
            )
            self._check(response.error_code, "cannot commit")

        await self._with_coordinator(end)
        self._partitions.clear()

    async def _with_coordinator(self, ask: Callable[[Connection], Awaitable[T]]) -> T:
        async def look_and_ask() -> T:
            node_id = await self._client.coordinator(self.transactional_id, key_type=_TRANSACTIONAL_ID)
            return await ask(await self._client.connection_to(node_id))

        return await self._client.retry(look_and_ask)

    def _check(self, code: int, what: str) -> None:
        if code != ErrorCode.NONE:
            raise KafkaError(error_code(code), f"transaction '{self.transactional_id}' {what}")


async def fence_producers(client: KafkaClient, transactional_ids: Iterable[str]) -> None:
    """Whoever produces under these ids now cannot any more, and what they had open is aborted (KIP-618, Admin API).

    `KafkaError`, `ClientError`.
    """
    ids = list(transactional_ids)
    for start in range(0, len(ids), FENCED_AT_ONCE):
        fenced = [Transaction(client, each, timeout_ms=1) for each in ids[start : start + FENCED_AT_ONCE]]
        await asyncio.gather(*(each.begin_again() for each in fenced))
