"""One flow at work: its clients, what each of them is for, and the order in which things begin and end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from ottla.clients.batch_sender import BatchSender
from ottla.clients.client import REQUEST_TIMEOUT_MS, KafkaClient
from ottla.clients.security import client_security
from ottla.clients.transaction import Transaction
from ottla.mirror.acl_sync import AclSync
from ottla.mirror.checkpoints import Checkpoints
from ottla.mirror.exactly_once import ExactlyOnce, transactional_id
from ottla.mirror.heartbeats import Heartbeats
from ottla.mirror.keep_running import FAILURES, describe, every, keep_running
from ottla.mirror.offset_sync_writer import OffsetSyncWriter
from ottla.mirror.progress import FlowProgress
from ottla.mirror.record_copy import RecordCopy
from ottla.mirror.source_offsets import SourceOffsets
from ottla.mirror.topic_sync import TopicSync

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ottla.mirror.flow_config import ClusterConfig, FlowConfig
    from ottla.runtime.network import Network

DRAIN_S: Final = 10.0
"""How long a stop waits for what is on its way to the target, and for the last commits."""


class Flow:
    """`run()` until cancelled, then `stop()`."""

    def __init__(self, config: FlowConfig, network: Network) -> None:
        self.config = config
        self.progress = FlowProgress(config.name)
        self._network = network
        self._clients: list[KafkaClient] = []
        self._source_admin = self._client(config.source, "source-admin")
        self._target_admin = self._client(config.target, "target-admin")
        producer = self._client(config.target, "replication-producer")
        self._transaction: Transaction | None = None
        if config.exactly_once:
            self._transaction = Transaction(producer, transactional_id(config))
        self._sender = BatchSender(producer, transaction=self._transaction)
        self._offsets = SourceOffsets(config, self._client(config.target, "offsets"))
        self._syncs: OffsetSyncWriter | None = None
        if config.emit_offset_syncs:
            where = config.source if config.offset_syncs_in_source else config.target
            self._syncs = OffsetSyncWriter(config, self._client(where, "offset-syncs-producer"), self.progress)
        self._topics = TopicSync(config, self._source_admin, self._target_admin, self.progress)
        self._copy = RecordCopy(
            config,
            self._client(config.source, "replication-consumer"),
            self._sender,
            self._offsets,
            self._syncs,
            self.progress,
        )
        self._exactly_once: ExactlyOnce | None = None
        if self._transaction is not None:
            self._exactly_once = ExactlyOnce(self._transaction, self._sender, self._copy, self._offsets, self.progress)
        self._is_copying = False

    async def run(self) -> None:
        config, progress = self.config, self.progress
        works: list[Coroutine[object, object, None]] = []
        if config.emit_heartbeats_s is not None:
            beats = Heartbeats(config, self._client(config.target, "heartbeats"))
            works.append(every(config.emit_heartbeats_s, "heartbeats", beats.emit, progress))
        if config.enabled:
            works.append(self._copying())
            if config.emit_checkpoints_s is not None and self._syncs is not None:
                works += self._checkpointing(config.emit_checkpoints_s)
        async with asyncio.TaskGroup() as tasks:
            for work in works:
                tasks.create_task(work)

    async def stop(self) -> None:
        """Let what is under way arrive, note how far it came, and hang up. Bounded by `DRAIN_S`."""
        try:
            if self._is_copying:
                async with asyncio.timeout(DRAIN_S):
                    await self._commit()
        except TimeoutError:
            self.progress.troubles["stopping"] = f"the clusters did not answer within {DRAIN_S:g} s"
        finally:
            self._sender.close()
            for client in self._clients:
                client.close()

    async def _copying(self) -> None:
        """The part of MirrorMaker 2's source connector."""
        config, progress = self.config, self.progress
        await keep_running("starting", self._prepare, progress)
        progress.troubles.pop("starting", None)
        self._is_copying = True
        self._copy.set_partitions(self._topics.partitions)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_running("reading", self._copy.run, progress))
            if self._exactly_once is not None:
                tasks.create_task(keep_running("transactions", self._exactly_once.run, progress))
            else:
                flush_s = config.offset_flush_interval_ms / 1000
                tasks.create_task(every(flush_s, "offsets", self._flush, progress, at_once=False))
            if self._syncs is not None:
                tasks.create_task(keep_running("offset syncs", self._syncs.run, progress))
            if config.refresh_topics_s is not None:
                tasks.create_task(
                    every(config.refresh_topics_s, "topics", self._refresh_topics, progress, at_once=False)
                )
            if config.sync_topic_configs_s is not None:
                tasks.create_task(
                    every(config.sync_topic_configs_s, "topic configs", self._topics.sync_configs, progress)
                )
            if config.sync_topic_acls_s is not None:
                acls = AclSync(config, self._source_admin, self._target_admin)
                tasks.create_task(every(config.sync_topic_acls_s, "topic ACLs", acls.sync, progress))

    def _checkpointing(self, emit_s: int) -> list[Coroutine[object, object, None]]:
        """The part of MirrorMaker 2's checkpoint connector."""
        config, progress = self.config, self.progress
        syncs = config.source if config.offset_syncs_in_source else config.target
        checkpoints = Checkpoints(
            config,
            self._client(config.source, "checkpoint-source-admin"),
            self._client(config.target, "checkpoint-target-admin"),
            self._client(syncs, "offset-syncs-consumer"),
            progress,
        )
        works = [
            keep_running("offset translation", checkpoints.follow, progress),
            every(emit_s, "checkpoints", checkpoints.emit, progress),
        ]
        if config.sync_group_offsets_s is not None:
            works.append(every(config.sync_group_offsets_s, "groups", checkpoints.sync_groups, progress))
        return works

    async def _prepare(self) -> None:
        if self._syncs is not None:
            await self._syncs.create_topic()
        await self._topics.refresh()
        if self._transaction is not None:
            await self._transaction.begin_again()  # and so abort what a process before this one has left open
        await self._offsets.load()

    async def _refresh_topics(self) -> None:
        await self._topics.refresh()
        self._copy.set_partitions(self._topics.partitions)

    async def _flush(self) -> None:
        self._copy.queue_delayed_syncs()
        await self._offsets.commit()

    async def _commit(self) -> None:
        """The last one: each part, whatever becomes of the others."""
        if self._exactly_once is not None:
            with contextlib.suppress(*FAILURES):
                await self._exactly_once.commit()
        else:
            await self._copy.drain()
            self._copy.queue_delayed_syncs()
            with contextlib.suppress(*FAILURES):
                await self._offsets.commit()
        if self._syncs is not None:
            try:
                await self._syncs.flush()
            except FAILURES as error:
                self.progress.troubles["offset syncs"] = describe(error)

    def _client(self, cluster: ClusterConfig, role: str) -> KafkaClient:
        client = KafkaClient(
            self._network,
            cluster.bootstrap,
            client_id=f"{self.config.name}|{role}",
            request_timeout_ms=min(self.config.admin_timeout_ms, REQUEST_TIMEOUT_MS),
            security=client_security(cluster.client),
        )
        self._clients.append(client)
        return client
