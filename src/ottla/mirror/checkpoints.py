"""Where the groups of the source would stand in the target: translated, written to `<source>.checkpoints.internal`,
and, if wanted, committed for groups that nobody is in there.

Three kinds of work, each by itself, so that groups are still moved in the target when the source is gone: reading the
offset syncs (`follow`), translating (`emit`), committing (`sync_groups`).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from ottla.clients.consumer import TopicPartition
from ottla.clients.groups import list_groups
from ottla.clients.offsets import commit_offsets, fetch_offsets
from ottla.clients.topic_log import TopicLog, read_topic
from ottla.clients.topics import create_compacted_topic
from ottla.mirror.checkpoint import Checkpoint
from ottla.mirror.keep_running import describe
from ottla.mirror.offset_sync import OffsetSync
from ottla.mirror.offset_sync_store import OffsetSyncStore
from ottla.mirror.state_writer import StateRecord, StateWriter
from ottla.protocol.errors import KafkaError, ProtocolError

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient
    from ottla.clients.offsets import CommittedOffset
    from ottla.mirror.flow_config import FlowConfig
    from ottla.mirror.progress import FlowProgress

ASKED_AT_ONCE: Final = 16
"""Groups whose offsets are asked for at the same time."""

GroupCheckpoints = dict[TopicPartition, Checkpoint]


class Checkpoints:
    def __init__(
        self,
        flow: FlowConfig,
        source: KafkaClient,
        target: KafkaClient,
        syncs: KafkaClient,
        progress: FlowProgress,
    ) -> None:
        self._flow = flow
        self._source = source
        self._target = target
        self._writer = StateWriter(target, flow.checkpoints_topic)
        self._progress = progress
        self._store = OffsetSyncStore()
        self._log = TopicLog(syncs, flow.offset_syncs_topic, partition=0)
        self._is_following = False
        self._is_loaded = asyncio.Event()
        """The checkpoints of an earlier run are there, and with them what groups can be moved to."""
        self._is_ready = asyncio.Event()
        """The offset syncs were read to their end: offsets can be translated."""
        self._groups: set[str] = set()
        self._groups_of = float("-inf")
        self._emitted: dict[str, GroupCheckpoints] = {}

    async def follow(self) -> None:
        """Read the checkpoints of an earlier run, then the offset syncs for ever; run again, it goes on."""
        if not self._is_loaded.is_set():
            flow = self._flow
            await create_compacted_topic(self._target, flow.checkpoints_topic, 1, flow.checkpoints_replication_factor)
            self._store.start(must_read_to_end=not await self._load())
            self._is_loaded.set()
        if not self._is_following:
            await self._log.open()
            self._is_following = True
        while True:
            records = await self._log.read()
            self._progress.troubles.pop("offset translation", None)
            for record in records:
                try:
                    self._store.add(OffsetSync.decode(record.key, record.value))
                except ProtocolError as error:
                    self._progress.troubles["offset sync records"] = f"offset {record.offset}: {error}"
            if not self._is_ready.is_set() and self._log.at_end:
                self._store.reached_end()
                self._is_ready.set()

    async def _load(self) -> bool:
        """Whether the checkpoints could be read, so that new ones are held against them."""
        self._emitted.clear()
        try:
            async for record in read_topic(self._target, self._flow.checkpoints_topic, partition=0):
                try:
                    checkpoint = Checkpoint.decode(record.key, record.value)
                except ProtocolError:
                    continue
                self._emitted.setdefault(checkpoint.group_id, {})[checkpoint.where] = checkpoint
        except KafkaError as error:
            if error.code.retriable:
                raise
            self._progress.troubles["checkpoints"] = describe(error)
            return False
        return True

    async def emit(self) -> None:
        """A checkpoint for each partition of each group whose translation has moved on."""
        await self._is_ready.wait()
        await self._refresh_groups()
        groups = sorted(self._groups)
        for first in range(0, len(groups), ASKED_AT_ONCE):
            asked = groups[first : first + ASKED_AT_ONCE]
            answers = await asyncio.gather(*(self._offsets(group) for group in asked))
            moved = [
                checkpoint
                for group, offsets in zip(asked, answers, strict=True)
                for checkpoint in self._checkpoints(group, offsets)
            ]
            now_ms = int(time.time() * 1000)
            await self._writer.write(StateRecord(each.key(), each.value(), timestamp_ms=now_ms) for each in moved)
            for each in moved:
                self._emitted.setdefault(each.group_id, {})[each.where] = each
            self._progress.checkpoints += len(moved)

    async def sync_groups(self) -> None:
        """Commit in the target what was translated, for groups without members there, and never back."""
        await self._is_loaded.wait()
        states = {group.group_id: group.state for group in await list_groups(self._target)}
        for group, checkpoints in list(self._emitted.items()):
            if not self._flow.groups.takes(group) or states.get(group, "Dead") not in ("Empty", "Dead"):
                continue
            there = await fetch_offsets(self._target, group) if group in states else {}
            behind = {
                where: checkpoint
                for where, checkpoint in checkpoints.items()
                if where not in there or there[where].offset < checkpoint.downstream_offset
            }
            if not behind:
                continue
            subject = f"group {group}"
            try:
                await commit_offsets(
                    self._target,
                    group,
                    {where: each.downstream_offset for where, each in behind.items()},
                    metadata={where: each.metadata for where, each in behind.items()},
                )
                self._progress.troubles.pop(subject, None)
            except KafkaError as error:  # somebody joined meanwhile, or this topic may not be committed to
                self._progress.troubles[subject] = describe(error)

    async def _refresh_groups(self) -> None:
        interval_s = self._flow.refresh_groups_s
        now = asyncio.get_running_loop().time()
        is_first = self._groups_of < 0
        if not is_first and (interval_s is None or now - self._groups_of < interval_s):
            return
        listed = await list_groups(self._source)
        self._groups = {
            group.group_id for group in listed if group.is_of_consumers and self._flow.groups.takes(group.group_id)
        }
        self._groups_of = now

    async def _offsets(self, group: str) -> dict[TopicPartition, CommittedOffset]:
        """None of a group that this mirror may not look at: it keeps no other from being moved."""
        try:
            offsets = await fetch_offsets(self._source, group)
        except KafkaError as error:
            if error.code.retriable:
                raise
            self._progress.troubles[f"offsets of group {group}"] = describe(error)
            return {}
        self._progress.troubles.pop(f"offsets of group {group}", None)
        return offsets

    def _checkpoints(self, group: str, offsets: dict[TopicPartition, CommittedOffset]) -> list[Checkpoint]:
        emitted = self._emitted.get(group, {})
        moved = []
        for where, committed in offsets.items():
            if not self._flow.topics.takes(where.topic):
                continue
            downstream = self._store.translate(where, committed.offset)
            if downstream is None:
                continue
            checkpoint = Checkpoint(group, self._renamed(where), committed.offset, downstream, committed.metadata)
            if is_news(checkpoint, emitted.get(checkpoint.where)):
                moved.append(checkpoint)
        return moved

    def _renamed(self, where: TopicPartition) -> TopicPartition:
        """What came from the target is called there as it was at first; anything else as its copy is."""
        policy = self._flow.policy
        if policy.topic_source(where.topic) == self._flow.target.alias:
            return TopicPartition(policy.original_topic(where.topic), where.partition)
        return TopicPartition(self._flow.remote_topic(where.topic), where.partition)


def is_news(checkpoint: Checkpoint, last: Checkpoint | None) -> bool:
    """Whether it is to be written: the group went back in the source, or on in the target. Never back by itself."""
    return (
        last is None
        or checkpoint.upstream_offset < last.upstream_offset
        or checkpoint.downstream_offset > last.downstream_offset
    )
