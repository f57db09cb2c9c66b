"""The audit log's topic: each entry is a record without a key, the next partition each time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ottla.clients.batch_sender import BatchSender
from ottla.clients.consumer import TopicPartition
from ottla.protocol.record import RecordBatchBuilder

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient


class AuditTopic:
    def __init__(self, client: KafkaClient, topic: str) -> None:
        """`client` is its own."""
        self._client = client
        self._topic = topic
        self._sender = BatchSender(client)
        self._count = 0

    async def send(self, line: bytes) -> None:
        """Returns when all in-sync replicas have it. `KafkaError`, `ClientError`."""
        known = self._client.metadata.topics.get(self._topic)
        topic = known or await self._client.topic(self._topic)
        partitions = sorted(topic.partitions)
        where = TopicPartition(self._topic, partitions[self._count % len(partitions)])
        self._count += 1
        builder = RecordBatchBuilder()
        builder.append(None, line, timestamp_ms=int(time.time() * 1000))
        await self._sender.send(where, builder.build(), 1)

    def close(self) -> None:
        self._sender.close()
        self._client.close()
