"""How far the target has acknowledged each partition, committed to `mm2-offsets.<source>.internal` now and then."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ottla.clients.consumer import READ_COMMITTED, TopicPartition
from ottla.clients.partitioner import partition_for_key
from ottla.clients.topic_log import read_topic
from ottla.clients.topics import create_compacted_topic
from ottla.mirror.source_offset import decode_source_offset, offset_key, offset_value, offsets_topic
from ottla.mirror.state_writer import StateRecord, StateWriter
from ottla.protocol.errors import ProtocolError
from ottla.protocol.record import RecordBatchBuilder

if TYPE_CHECKING:
    from ottla.clients.batch_sender import BatchSender
    from ottla.clients.client import KafkaClient
    from ottla.mirror.flow_config import FlowConfig


class SourceOffsets:
    """`load()` first, and when others may have written; `acknowledged` what is done, `commit()` what has changed."""

    def __init__(self, flow: FlowConfig, target: KafkaClient) -> None:
        self._source = flow.source.alias
        self._topic = offsets_topic(self._source)
        self._partitions = flow.offset_storage_partitions
        self._replication_factor = flow.offset_storage_replication_factor
        self._target = target
        self._writer = StateWriter(target, self._topic)
        self._next: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}

    async def load(self) -> None:
        """Make the topic if need be, and read what an earlier run, or a MirrorMaker 2, has left there; what was
        acknowledged and not committed is forgotten.
        """
        await create_compacted_topic(self._target, self._topic, self._partitions, self._replication_factor)
        found: dict[TopicPartition, int] = {}
        async for record in read_topic(self._target, self._topic, isolation_level=READ_COMMITTED):
            try:
                decoded = decode_source_offset(self._source, record.key, record.value)
            except ProtocolError:
                continue  # of a connector that keeps other offsets here
            if decoded is not None:
                found[decoded[0]] = decoded[1]
        self._committed = {where: offset for where, offset in found.items() if offset >= 0}
        self._next = dict(self._committed)

    def next_offset(self, where: TopicPartition) -> int | None:
        """Where reading goes on; `None` for a partition of which nothing was ever copied."""
        return self._next.get(where)

    def acknowledged(self, where: TopicPartition, next_offset: int) -> None:
        self._next[where] = next_offset

    async def commit(self) -> None:
        changed = self._changed()
        if not changed:
            return
        records = await self._records(changed)
        await self._writer.write(StateRecord(key, value, partition) for partition, key, value in records)
        self._committed.update(changed)

    async def commit_with(self, sender: BatchSender) -> dict[TopicPartition, int]:
        """Write what has changed as part of the sender's transaction; `committed` when that is."""
        changed = self._changed()
        batches: dict[int, RecordBatchBuilder] = {}
        now_ms = int(time.time() * 1000)
        for partition, key, value in await self._records(changed):
            batches.setdefault(partition, RecordBatchBuilder()).append(key, value, timestamp_ms=now_ms)
        await asyncio.gather(
            *(
                sender.send(TopicPartition(self._topic, partition), builder.build(), builder.count)
                for partition, builder in batches.items()
            )
        )
        return changed

    def committed(self, changed: dict[TopicPartition, int]) -> None:
        self._committed.update(changed)

    def _changed(self) -> dict[TopicPartition, int]:
        return {where: offset for where, offset in self._next.items() if self._committed.get(where) != offset}

    async def _records(self, changed: dict[TopicPartition, int]) -> list[tuple[int, bytes, bytes]]:
        count = len((await self._target.topic(self._topic)).partitions)
        records = []
        for where, offset in changed.items():
            key = offset_key(self._source, where)
            records.append((partition_for_key(key, count), key, offset_value(offset - 1)))
        return records
