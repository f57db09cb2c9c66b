"""The thread that keeps an instance's global stores: it reads all partitions of their topics, first to their end.

How far it has come lies in a checkpoint beside the stores, written after them: what is read twice is put twice alike.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from ottla.streams.application.read_guard import ReadGuard
from ottla.streams.errors import StreamsError
from ottla.streams.record import TopicPartition
from ottla.streams.state.directory import GLOBAL
from ottla.streams.tasks.global_task import GlobalTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.application.client_supplier import BatchConsumer
    from ottla.streams.application.cluster_queries import ClusterQueries
    from ottla.streams.application.restore_listener import StateRestoreListener
    from ottla.streams.config import StreamsConfig
    from ottla.streams.metrics.registry import MetricsRegistry
    from ottla.streams.record import RawRecord
    from ottla.streams.state.directory import DirectoryLock, StateDirectory
    from ottla.streams.state.store import StateStore
    from ottla.streams.topology.built import BuiltTopology, GlobalStore

POLL_RECORDS: Final = 1000
_log: Final = logging.getLogger("ottla.streams")


class GlobalThread:
    def __init__(
        self,
        name: str,
        topology: BuiltTopology,
        config: StreamsConfig,
        consumer: BatchConsumer,
        cluster: ClusterQueries,
        directory: StateDirectory,
        listener: StateRestoreListener,
        on_failure: Callable[[BaseException], None],
        metrics: MetricsRegistry,
    ) -> None:
        self.task = GlobalTask(topology, directory=str(directory.task(GLOBAL)), metrics=metrics, thread_id=name)
        self.failure: BaseException | None = None
        self._consumer = consumer
        self._cluster = cluster
        self._directory = directory
        self._listener = listener
        self._on_failure = on_failure
        self._stores: dict[str, GlobalStore] = {each.source.topics[0]: each for each in topology.global_stores}
        self._positions: dict[TopicPartition, int] = {}
        self._lock: DirectoryLock | None = None
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._poll_s = int(config["poll.ms"]) / 1000
        self._commit_s = config.commit_interval_ms / 1000
        self.guard = ReadGuard()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def stores(self) -> Mapping[str, StateStore]:
        return self.task.stores

    @property
    def position(self) -> dict[TopicPartition, int]:
        """The offsets of the last records that the stores know of."""
        return {partition: offset - 1 for partition, offset in self._positions.copy().items() if offset > 0}

    def start(self) -> None:
        """Return when every store is as its topic is now; raise what prevents it."""
        self._thread.start()
        self._ready.wait()
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._open()
            self._restore()
            self._ready.set()
            self._follow()
            self._flush()
        except BaseException as error:
            _log.exception("the global stores fail")
            self.failure = error
            if self._ready.is_set():
                self._on_failure(error)
        finally:
            self._close()
            self._ready.set()

    def _open(self) -> None:
        self._lock = self._directory.lock_task(GLOBAL)
        self.task.open_stores()
        self.task.initialize(int(time.time() * 1000))
        counts = self._cluster.partition_counts()
        partitions = []
        for topic in self._stores:
            if topic not in counts:
                raise StreamsError(f"the topic {topic} of a global store is missing; create it and start again")
            partitions += [TopicPartition(topic, partition) for partition in range(counts[topic])]
        known = self._directory.read_checkpoint(GLOBAL)
        beginnings, ends = self._cluster.beginnings(partitions), self._cluster.ends(partitions)
        for partition in partitions:
            position = known.get(partition, -1) if self._store(partition).is_persistent else -1
            fits = beginnings[partition] <= position <= ends[partition]
            self._positions[partition] = position if fits else beginnings[partition]

    def _restore(self) -> None:
        ends = self._cluster.ends(self._positions)
        restored = dict.fromkeys(ends, 0)
        for partition, end in ends.items():
            name = self._stores[partition.topic].store.name
            self._listener.on_restore_start(partition, name, self._positions[partition], end)
        self._consumer.assign(self._positions)
        waiting = {partition for partition, end in ends.items() if self._positions[partition] < end}
        while waiting and not self._stop.is_set():
            self._poll(self._poll_s, restored)
            waiting = {partition for partition in waiting if self._positions[partition] < ends[partition]}
        self._flush()
        for partition, total in restored.items():
            self._listener.on_restore_end(partition, self._stores[partition.topic].store.name, total)

    def _follow(self) -> None:
        flushed_s = time.monotonic()
        while not self._stop.is_set():
            self._poll(self._poll_s)
            now_s = time.monotonic()
            if now_s - flushed_s >= self._commit_s:
                flushed_s = now_s
                self._flush()

    def _poll(self, timeout_s: float, restored: dict[TopicPartition, int] | None = None) -> None:
        polled = self._consumer.poll(POLL_RECORDS, timeout_s)
        for partition in polled.out_of_range:
            raise StreamsError(f"{partition.topic}-{partition.partition} has lost records that a global store needs")
        for partition, records in polled.records.items():
            self._apply(partition, records, restoring=restored is not None)
            self._positions[partition] = records[-1].offset + 1
            if restored is not None:
                restored[partition] += len(records)
                name = self._stores[partition.topic].store.name
                self._listener.on_batch_restored(partition, name, self._positions[partition], len(records))
        for partition, position in polled.ends.items():
            self._positions[partition] = max(self._positions[partition], position)

    def _apply(self, partition: TopicPartition, records: list[RawRecord], *, restoring: bool) -> None:
        store = self._stores[partition.topic]
        with self.guard:
            if restoring and not store.reprocess:
                rows = (
                    (each.key, each.value, each.timestamp_ms, each.headers) for each in records if each.key is not None
                )
                self.task.restore(store.store.name, rows)
                return
            update = self.task.update
            for record in records:
                update(record)

    def _store(self, partition: TopicPartition) -> StateStore:
        return self.task.stores[self._stores[partition.topic].store.name]

    def _flush(self) -> None:
        with self.guard:
            self.task.flush()
        self._directory.write_checkpoint(GLOBAL, dict(self._positions))

    def _close(self) -> None:
        try:
            with self.guard:
                self.task.close()
        except Exception:
            _log.exception("the global stores could not be closed cleanly")
        self._consumer.close()
        if self._lock is not None:
            self._lock.release()
