"""Finds what a query asks for: stores of the tasks of this instance, and which instance has a key.

Threads go on meanwhile: a task that is found here may be gone when it is read, which its store says.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.clients.errors import ClientError
from ottla.clients.partitioner import partition_for_key
from ottla.protocol.errors import KafkaError
from ottla.streams.application.group_leader import changelogs_of
from ottla.streams.application.instance_metadata import instances_of
from ottla.streams.application.owned_task import OwnedTask, Phase
from ottla.streams.application.stream_thread import ThreadState
from ottla.streams.errors import (
    InvalidStateStoreError,
    InvalidStateStorePartitionError,
    StateStoreMigratedError,
    StateStoreNotAvailableError,
    StreamsError,
    StreamsRebalancingError,
    UnknownStateStoreError,
)
from ottla.streams.membership.internal_topics import sources_of
from ottla.streams.queries.answering import answer
from ottla.streams.queries.key_query_metadata import NOT_AVAILABLE, UNKNOWN_HOST, KeyQueryMetadata, LagInfo
from ottla.streams.queries.position import Position
from ottla.streams.queries.query_result import FailureReason, QueryResult, StateQueryResult
from ottla.streams.queries.readable_store import ReadableStore
from ottla.streams.record import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ottla.streams.application.instance_metadata import StreamsMetadata
    from ottla.streams.application.stream_thread import StreamThread
    from ottla.streams.application.thread_parts import ThreadParts
    from ottla.streams.config import StreamsConfig
    from ottla.streams.membership.assignment import HostInfo, HostPartitions
    from ottla.streams.queries.state_query_request import StateQueryRequest
    from ottla.streams.queries.store_query_parameters import StoreQueryParameters
    from ottla.streams.serdes.serde import Serializer
    from ottla.streams.state.store import StateStore
    from ottla.streams.topology.built import BuiltTopology, SubTopology
    from ottla.streams.topology.stream_partitioner import StreamPartitioner

R = TypeVar("R")
COUNTS_FRESH_S: Final = 30.0
"""So long the numbers of partitions are believed, unless tasks move: each question after one key needs one."""

_log: Final = logging.getLogger("ottla.streams")
_ALIVE: Final = (ThreadState.STARTING, ThreadState.PARTITIONS_ASSIGNED, ThreadState.RUNNING)


class InteractiveQueries:
    def __init__(
        self,
        topology: BuiltTopology,
        config: StreamsConfig,
        parts: ThreadParts,
        threads: Callable[[], list[StreamThread]],
    ) -> None:
        self._topology = topology
        self._server = config.application_server
        self._parts = parts
        self._threads = threads
        self._counts: dict[str, int] = {}
        self._counted_s = float("-inf")
        self._counted_for: Mapping[HostInfo, HostPartitions] | None = None

    # Stores

    def stores(self, parameters: StoreQueryParameters[Any]) -> list[ReadableStore]:
        """At least one. Raises `InvalidStateStoreError`, of the kind that says what is in the way."""
        name = parameters.store_name
        shared = self._global_store(name)
        found = [] if shared is None else [shared]
        if shared is None:
            found = self._task_stores(parameters)
        for each in found:
            if not parameters.queryable_store_type.accepts(each.store):
                kind = type(each.store).__name__
                raise InvalidStateStoreError(
                    f"the store {name} is a {kind}, which is not what was asked for: {parameters.queryable_store_type}"
                )
        return found

    def _task_stores(self, parameters: StoreQueryParameters[Any]) -> list[ReadableStore]:
        name, partition = parameters.store_name, parameters.partition
        is_stale = parameters.is_stale_stores_enabled
        found, moving = [], None
        for thread in self._threads():
            state = thread.state
            if state is ThreadState.DEAD:
                continue
            if state is not ThreadState.RUNNING and not (is_stale and state in _ALIVE):
                moving = f"its thread {thread.name} is {state.value}"
                if partition is None:
                    raise StreamsRebalancingError(f"the store {name} cannot be read now: {moving}; try again")
            for owned, store in _owned(thread, name):
                if partition is not None and owned.id.partition != partition:
                    continue
                if is_stale or owned.phase is Phase.RUNNING:
                    found.append(_readable(thread, owned, store))
                else:
                    moving = f"task {owned.id} is {owned.phase.value} here"
        if found:
            return found
        if moving is not None:
            raise StreamsRebalancingError(
                f"the store {name} cannot be read now: {moving}; try again, or enable stale stores"
            )
        if partition is not None:
            raise InvalidStateStorePartitionError(f"partition {partition} of the store {name} is not here")
        raise StateStoreMigratedError(f"the store {name} is not here: it may have migrated to another instance")

    def query(self, request: StateQueryRequest[R]) -> StateQueryResult[R]:
        result: StateQueryResult[R] = StateQueryResult()
        clock_ns = time.perf_counter_ns if request.is_execution_info_enabled else None
        shared = self._global_store(request.store_name)
        if shared is not None:
            result.global_result = answer(request.query, shared, request.position_bound, clock_ns)
            return result
        wanted, results = request.partitions, result.partition_results
        for thread in self._threads():
            for owned, store in _owned(thread, request.store_name):
                partition = owned.id.partition
                if wanted is not None and partition not in wanted:
                    continue
                if request.is_require_active and owned.phase is not Phase.RUNNING:
                    message = f"an active task was asked for, and task {owned.id} is {owned.phase.value} here"
                    results[partition] = QueryResult.for_failure(FailureReason.NOT_ACTIVE, message)
                    continue
                readable = _readable(thread, owned, store)
                results[partition] = answer(request.query, readable, request.position_bound, clock_ns)
        for partition in sorted(wanted or ()):
            if partition not in results:
                message = f"partition {partition} of the store {request.store_name} is not here"
                results[partition] = QueryResult.for_failure(FailureReason.NOT_PRESENT, message)
        return result

    def check_known(self, name: str) -> None:
        if any(each.store.name == name for each in self._topology.global_stores):
            return
        if not any(name in sub.stores for sub in self._topology.sub_topologies):
            raise UnknownStateStoreError(f"the topology has no store {name}")

    def _global_store(self, name: str) -> ReadableStore | None:
        thread = self._parts.global_thread
        store = None if thread is None else thread.stores.get(name)
        if thread is None or store is None:
            return None
        topic = next(each.source.topics[0] for each in self._topology.global_stores if each.store.name == name)

        def position() -> Position:
            return Position.of({each: offset for each, offset in thread.position.items() if each.topic == topic})

        return ReadableStore(store, thread.guard, "global", None, position)

    # Where things are

    @property
    def hosts(self) -> Mapping[HostInfo, HostPartitions]:
        for thread in self._threads():
            if thread.session.hosts:
                return thread.session.hosts
        return {}

    def instances(self) -> list[StreamsMetadata]:
        return instances_of(self.hosts, self._topology)

    def metadata_for_key(
        self, name: str, key: Any, serializer: Serializer[Any] | None, partitioner: StreamPartitioner | None
    ) -> KeyQueryMetadata:
        hosts = self.hosts
        if not hosts:
            return NOT_AVAILABLE
        if any(each.store.name == name for each in self._topology.global_stores):
            here = None if self._server is None else next((each for each in hosts if each == self._server), None)
            return KeyQueryMetadata(here or min(hosts), frozenset(), -1)
        sub = next(sub for sub in self._topology.sub_topologies if name in sub.stores)
        counts = self._partition_counts(hosts)
        sources = sorted(topic for topic in sources_of(sub, counts) if topic in counts)
        if not sources:
            return NOT_AVAILABLE
        topic = max(sources, key=lambda each: counts[each])
        partition = _partition_of(topic, key, counts[topic], serializer, partitioner)
        return self._holders(sub, hosts, sources, partition)

    def _holders(
        self, sub: SubTopology, hosts: Mapping[HostInfo, HostPartitions], sources: list[str], partition: int
    ) -> KeyQueryMetadata:
        inputs = {TopicPartition(topic, partition) for topic in sources}
        copied = inputs | {TopicPartition(topic, partition) for topic in changelogs_of(self._topology)[sub.id]}
        active = next((host for host, each in hosts.items() if each.active & inputs), UNKNOWN_HOST)
        standby = frozenset(host for host, each in hosts.items() if each.standby & copied)
        return KeyQueryMetadata(active, standby, partition)

    def _partition_counts(self, hosts: Mapping[HostInfo, HostPartitions]) -> dict[str, int]:
        now_s = time.monotonic()
        if hosts is self._counted_for and now_s - self._counted_s <= COUNTS_FRESH_S:
            return self._counts
        self._counted_s, self._counted_for = now_s, hosts  # whoever asks meanwhile makes do with those of before
        try:
            self._counts = self._parts.cluster.partition_counts()
        except (ClientError, KafkaError, StreamsError) as error:
            _log.info("the numbers of partitions are not known anew: %s", error)
            self._counted_s = float("-inf")
            if not self._counts:
                raise StateStoreNotAvailableError(f"where keys are is not known: {error}; try again") from error
        return self._counts

    # How far they are

    def lags(self) -> dict[str, dict[int, LagInfo]]:
        """Of every logged store of this instance, by name and partition."""
        positions: dict[TopicPartition, int | None] = {}
        names: dict[TopicPartition, str] = {}
        for thread in self._threads():
            for owned in list(thread.tasks.tasks.values()):
                read = thread.tasks.reader.positions(owned.id)
                for name, partition in owned.changelogs.items():
                    names[partition] = name
                    positions[partition] = None if owned.phase is Phase.RUNNING else read.get(partition, 0)
        try:
            ends = self._parts.cluster.ends(positions)
        except (ClientError, KafkaError) as error:
            raise StreamsError(f"the ends of the changelogs are not known: {error}") from error
        found: dict[str, dict[int, LagInfo]] = {}
        for partition, position in positions.items():
            end = ends.get(partition, 0)
            info = LagInfo(end if position is None else position, end)
            found.setdefault(names[partition], {})[partition.partition] = info
        return found


def _owned(thread: StreamThread, name: str) -> Iterator[tuple[OwnedTask, StateStore]]:
    for owned in list(thread.tasks.tasks.values()):
        store = owned.task.stores.get(name)
        if store is not None:
            yield owned, store


def _readable(thread: StreamThread, owned: OwnedTask, store: StateStore) -> ReadableStore:
    def position() -> Position:
        if owned.phase is Phase.RUNNING:
            return Position.of(owned.task.position)
        # A copy knows how far it is in its input only where its changelog is its input.
        topic = owned.task.sub_topology.source_topic_changelogs.get(store.name)
        read = thread.tasks.reader.positions(owned.id)
        return Position.of({each: offset - 1 for each, offset in read.items() if each.topic == topic and offset > 0})

    return ReadableStore(store, owned.guard, str(owned.id), owned.id.partition, position)


def _partition_of(
    topic: str, key: Any, count: int, serializer: Serializer[Any] | None, partitioner: StreamPartitioner | None
) -> int:
    if partitioner is not None:
        chosen = partitioner(topic, key, None, count)
        if chosen is not None:
            if len(chosen) != 1:
                raise StreamsError(f"the partitioner chose {len(chosen)} partitions for the key {key!r}, not one")
            return next(iter(chosen))
    if serializer is None:
        raise StreamsError("the partition of a key follows from its bytes: give its serializer, or a partitioner")
    data = serializer(topic, key)
    if data is None:
        raise StreamsError("a key that is nothing has no partition")
    return partition_for_key(data, count)
