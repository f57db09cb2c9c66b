"""Records of a store in a compacted topic that all workers of a group follow (`KafkaBasedLog`).

What is read is committed. The end up to which is read is the last record's, committed or not: behind a transaction that
is still open may be records that were committed long ago.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from ottla.clients.batch_sender import BatchSender
from ottla.clients.configs import describe_configs
from ottla.clients.consumer import READ_COMMITTED, TopicPartition
from ottla.clients.errors import ClientError
from ottla.clients.followed_topic import FollowedTopic
from ottla.clients.partitioner import partition_for_key
from ottla.clients.topics import create_compacted_topic
from ottla.connect.api.errors import ConnectError
from ottla.protocol.errors import KafkaError
from ottla.protocol.record import RecordBatchBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.clients.client import KafkaClient
    from ottla.clients.consumer import ConsumedRecord
    from ottla.connect.store.state_log import KeyValue, Replay

_log = logging.getLogger(__name__)

WRITE_TIMEOUT_S: Final = 30.0
READ_TIMEOUT_S: Final = 120.0
"""Transactions of others (KIP-618) may be open for a minute before theirs ends or their coordinator ends them."""


class TopicLog:
    """A fetch that waits holds up its connection, so what reads has a client (`reading`) of its own."""

    def __init__(
        self,
        client: KafkaClient,
        reading: KafkaClient,
        topic: str,
        *,
        partitions: int,
        replication_factor: int,
        is_single: bool = False,
    ) -> None:
        """`is_single`: it may have one partition alone."""
        self._client = client
        self._topic = topic
        self._partitions = partitions
        self._replication_factor = replication_factor
        self._is_single = is_single
        self._sender = BatchSender(client)
        self._replay: Replay | None = None
        self._replayed = 0
        self._followed = FollowedTopic(client, reading, self._apply, isolation_level=READ_COMMITTED)

    @property
    def position(self) -> int:
        """Of a topic with one partition: the offset behind the record that was replayed last, as Java counts."""
        return self._replayed

    async def start(self, replay: Replay) -> None:
        """`ConnectError` for a topic that cannot hold it."""
        self._replay = replay
        try:
            await create_compacted_topic(self._client, self._topic, self._partitions, self._replication_factor)
            metadata = await self._client.topic(self._topic)
            await self._check(len(metadata.partitions))
            await self._followed.open([TopicPartition(self._topic, index) for index in metadata.partitions])
        except (KafkaError, ClientError) as error:
            raise ConnectError(f"topic '{self._topic}' cannot be read or made: {error}") from error
        await self.read_to_end()

    async def _check(self, partitions: int) -> None:
        if self._is_single and partitions != 1:
            raise ConnectError(
                f"topic '{self._topic}' has {partitions} partitions; the topic of configurations has one, so that "
                "their order is known"
            )
        found = (await describe_configs(self._client, "topic", [self._topic])).get(self._topic)
        if isinstance(found, KafkaError) or found is None:
            return  # who may not ask believes it
        policy = next((entry.value for entry in found if entry.name == "cleanup.policy"), "compact")
        if policy != "compact":
            raise ConnectError(
                f"topic '{self._topic}' has cleanup.policy={policy}: with anything but 'compact' what connectors are, "
                "and how far they have got, would be lost. Set cleanup.policy=compact"
            )

    async def stop(self) -> None:
        self._sender.close()
        await self._followed.close()

    async def write(self, records: Sequence[KeyValue]) -> None:
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await send_records(self._client, self._sender, self._topic, records)
        except TimeoutError:
            raise ConnectError(f"no answer to a write to topic '{self._topic}'") from None
        except (KafkaError, ClientError) as error:
            raise ConnectError(f"a write to topic '{self._topic}' failed: {error}") from error

    async def read_to_end(self) -> None:
        try:
            await self._followed.read_to_end(READ_TIMEOUT_S)
        except TimeoutError:
            raise ConnectError(f"topic '{self._topic}' could not be read to its end in time") from None
        except (KafkaError, ClientError) as error:
            raise ConnectError(f"the end of topic '{self._topic}' cannot be asked for: {error}") from error

    async def _apply(self, records: Sequence[ConsumedRecord]) -> None:
        assert self._replay is not None, "the log is not started"
        for record in records:
            self._replayed = record.offset + 1
            try:
                self._replay(record.key, record.value)
            except Exception:
                _log.exception("the record at offset %d of %s", record.offset, self._topic)


async def send_records(client: KafkaClient, sender: BatchSender, topic: str, records: Sequence[KeyValue]) -> None:
    """To the partitions that Kafka's clients choose for keys; a batch a partition. `KafkaError`, `ClientError`."""
    now_ms = int(time.time() * 1000)
    metadata = client.metadata.topics.get(topic) or await client.topic(topic)
    count = len(metadata.partitions)
    batches: dict[int, RecordBatchBuilder] = {}
    for key, value in records:
        batch = batches.setdefault(partition_for_key(key, count), RecordBatchBuilder())
        batch.append(key, value, (), timestamp_ms=now_ms)
    await asyncio.gather(
        *(sender.send(TopicPartition(topic, index), batch.build(), batch.count) for index, batch in batches.items())
    )
