"""The topic `_schemas`: read from its beginning and then for ever, written by the leader.

Writes are optimistic. The leader decides by what it has read, appends, and sees at which offset its records came to
stand. If that is where it had read to, nobody else wrote and the records are replayed at once. If it is not, another
instance that took itself for the leader wrote in between: then the records are void here, what they overwrote is
written once more for the others, and the decision is taken again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from ottla.clients.batch_sender import NO_OFFSET, BatchSender
from ottla.clients.consumer import TopicPartition
from ottla.clients.errors import ClientError
from ottla.clients.followed_topic import FollowedTopic
from ottla.clients.topics import NewTopic, create_topics
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record import RecordBatchBuilder
from ottla.registry.errors import SCHEMA_TOO_LARGE, STORE_FAILED, TIMED_OUT, RegistryError
from ottla.registry.settings import REPLICATION_FACTOR_MAX
from ottla.registry.store.records import decode_key, decode_value, encode_key, encode_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.clients.client import KafkaClient
    from ottla.clients.consumer import ConsumedRecord
    from ottla.registry.store.decision import StoredRecord
    from ottla.registry.store.records import Key, Value

_log = logging.getLogger(__name__)

WRITE_TIMEOUT_S: Final = 30.0
CATCH_UP_TIMEOUT_S: Final = 30.0


class TopicError(Exception):
    """The topic is not one in which schemas can be kept."""


class SchemasTopic:
    """What reads has a client (`reading`) of its own.

    `replay(key, value, timestamp)` gets every record in order; `current(key)` is what it made of the last one.
    """

    def __init__(
        self,
        client: KafkaClient,
        reading: KafkaClient,
        topic: str,
        replay: Callable[[Key, Value | None, int], bool],
        current: Callable[[Key], Value | None],
    ) -> None:
        self._client = client
        self._where = TopicPartition(topic, 0)
        self._replay = replay
        self._current = current
        self._sender = BatchSender(client)
        self._void = range(0)
        self._applying = asyncio.Lock()
        self._followed = FollowedTopic(client, reading, self._apply_all)

    @property
    def _position(self) -> int:
        """All before it is replayed."""
        return self._followed.positions.get(self._where, 0)

    async def open(self) -> None:
        """Makes the topic if need be, and reads it to its end. `TopicError`, `KafkaError`, `ClientError`."""
        await self._client.refresh_metadata([self._where.topic])
        if self._where.topic not in self._client.metadata.topics:
            await self._create()
        metadata = await self._client.topic(self._where.topic)
        if len(metadata.partitions) != 1:
            raise TopicError(f"topic '{self._where.topic}' has {len(metadata.partitions)} partitions; it must have one")
        await self._followed.open([self._where])
        await self.catch_up()

    async def close(self) -> None:
        self._sender.close()
        await self._followed.close()

    async def catch_up(self) -> None:
        """Returns when everything is replayed that was there at the call. `RegistryError(TIMED_OUT)`."""
        try:
            await self._followed.read_to_end(CATCH_UP_TIMEOUT_S)
        except TimeoutError:
            raise RegistryError(TIMED_OUT, f"{self._where.topic} is read to offset {self._position} alone") from None
        except (KafkaError, ClientError) as error:
            raise RegistryError(STORE_FAILED, f"The end of {self._where.topic} cannot be asked for: {error}") from error

    async def write(self, records: Sequence[StoredRecord]) -> bool:
        """False: somebody else wrote in between, and it is as if nothing had been written. One call at a time."""
        async with self._applying:
            base = await self._append(records)
            if base == self._position:
                self._followed.positions[self._where] += len(records)
                now_ms = int(time.time() * 1000)
                for key, value in records:
                    self._replay(key, value, now_ms)
                return True
            if base != NO_OFFSET:
                self._void = range(base, base + len(records))
        await self.catch_up()
        if base == NO_OFFSET:
            return all(self._current(key) == value for key, value in records)
        _log.warning("another instance writes to %s; a write is taken back and tried again", self._where.topic)
        keys = dict.fromkeys(key for key, _ in records)
        async with self._applying:
            await self._append([(key, self._current(key)) for key in keys])
        await self.catch_up()
        return False

    async def _append(self, records: Sequence[StoredRecord]) -> int:
        builder = RecordBatchBuilder()
        now_ms = int(time.time() * 1000)
        for key, value in records:
            encoded = encode_value(key, value) if value is not None else None
            builder.append(encode_key(key), encoded, (), timestamp_ms=now_ms)
        try:
            sent = self._sender.send(self._where, builder.build(), len(records))
            return await asyncio.wait_for(asyncio.shield(sent), WRITE_TIMEOUT_S)
        except TimeoutError:
            raise RegistryError(TIMED_OUT, f"No answer to a write to {self._where.topic}") from None
        except KafkaError as error:
            if error.code in (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE):
                raise RegistryError(
                    SCHEMA_TOO_LARGE, "The schema is too large for the topic that it goes into"
                ) from error
            raise RegistryError(STORE_FAILED, f"A write to {self._where.topic} failed: {error}") from error
        except ClientError as error:
            raise RegistryError(STORE_FAILED, f"A write to {self._where.topic} failed: {error}") from error

    async def _create(self) -> None:
        factor = min(REPLICATION_FACTOR_MAX, max(1, len(self._client.metadata.brokers)))
        topic = NewTopic(self._where.topic, 1, factor, {"cleanup.policy": "compact"})
        created = (await create_topics(self._client, [topic]))[self._where.topic]
        if isinstance(created, KafkaError) and created.code is not ErrorCode.TOPIC_ALREADY_EXISTS:
            raise created

    async def _apply_all(self, records: Sequence[ConsumedRecord]) -> None:
        async with self._applying:
            for record in records:
                self._apply(record)

    def _apply(self, record: ConsumedRecord) -> None:
        if record.offset < self._position or record.offset in self._void:
            return
        key = decode_key(record.key)
        if key is None:
            _log.warning("offset %d of %s is of no kind that is known here", record.offset, self._where.topic)
            return
        value = decode_value(key, record.value)
        if value is None and record.value is not None:
            _log.warning("the value at offset %d of %s cannot be read", record.offset, self._where.topic)
            return
        if not self._replay(key, value, record.timestamp):
            _log.error("offset %d of %s gives an id that another schema has; it is ignored", record.offset, key)
