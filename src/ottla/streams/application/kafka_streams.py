"""`KafkaStreams`: one instance of an application (`org.apache.kafka.streams.KafkaStreams`).

with KafkaStreams(topology, config) as app:
    app.wait_until_running()
    …
"""

from __future__ import annotations

import logging
import threading
import time
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from ottla.clients.errors import ClientError
from ottla.protocol.errors import KafkaError
from ottla.runtime.tracing.tracing import start as start_traces
from ottla.streams.application.client_metrics import ClientMetrics
from ottla.streams.application.confluent_clients import ConfluentClients
from ottla.streams.application.control import ControlThread
from ottla.streams.application.instance_state import InstanceState, State
from ottla.streams.application.interactive_queries import InteractiveQueries
from ottla.streams.application.restore_listener import Listeners, NoRestoreListener, NoStandbyListener
from ottla.streams.application.stream_thread import StreamThread, ThreadState
from ottla.streams.application.thread_metadata import ThreadMetadata, metadata_of
from ottla.streams.application.thread_parts import ThreadParts
from ottla.streams.config import StreamsConfig
from ottla.streams.errors import StreamsError, StreamsNotStartedError, StreamsStoppedError
from ottla.streams.metrics.recording_level import RecordingLevel
from ottla.streams.metrics.registry import MetricsRegistry
from ottla.streams.state.directory import StateDirectory
from ottla.streams.state.rocksdb import configure_below

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from rocksdict import Options

    from ottla.streams.application.client_supplier import ClientSupplier
    from ottla.streams.application.instance_metadata import StreamsMetadata
    from ottla.streams.application.restore_listener import StandbyUpdateListener, StateRestoreListener
    from ottla.streams.metrics.registry import Metric, MetricName
    from ottla.streams.queries.key_query_metadata import KeyQueryMetadata, LagInfo
    from ottla.streams.queries.query_result import StateQueryResult
    from ottla.streams.queries.readable_store import ReadableStore
    from ottla.streams.queries.state_query_request import StateQueryRequest
    from ottla.streams.queries.store_query_parameters import StoreQueryParameters
    from ottla.streams.serdes.serde import Serializer
    from ottla.streams.topology.built import BuiltTopology
    from ottla.streams.topology.stream_partitioner import StreamPartitioner

T = TypeVar("T")
R = TypeVar("R")
CLOSE_TIMEOUT_S: Final = 60.0
CLEANUP_INTERVAL_S: Final = 60.0
_log: Final = logging.getLogger("ottla.streams")


class StreamThreadExceptionResponse(Enum):
    """What to do when a thread has failed (KIP-671)."""

    REPLACE_THREAD = "REPLACE_THREAD"
    SHUTDOWN_CLIENT = "SHUTDOWN_CLIENT"
    SHUTDOWN_APPLICATION = "SHUTDOWN_APPLICATION"


class KafkaStreams:
    def __init__(
        self,
        topology: Any,
        config: StreamsConfig | Mapping[str, Any],
        *,
        client_supplier: ClientSupplier | None = None,
        state_restore_listener: StateRestoreListener | None = None,
    ) -> None:
        """`topology`: what `StreamsBuilder.build()` gives, or a `BuiltTopology`."""
        self.config = config if isinstance(config, StreamsConfig) else StreamsConfig(config)
        self.topology: BuiltTopology = topology.build(self.config) if hasattr(topology, "build") else topology
        self.process_id = ""
        supplier = self.config["default.client.supplier"]
        supplier = supplier() if isinstance(supplier, type) else supplier
        self._supplier: ClientSupplier = client_supplier or supplier or ConfluentClients()
        self._restore_listener: StateRestoreListener = state_restore_listener or NoRestoreListener()
        self._standby_listener: StandbyUpdateListener = NoStandbyListener()
        self._state = InstanceState(self.config.application_id)
        self._handler: Callable[[BaseException], StreamThreadExceptionResponse] | None = None
        self._responses: dict[str, StreamThreadExceptionResponse] = {}
        self._threads: dict[int, StreamThread] = {}
        self._parts: ThreadParts | None = None
        self._queries: InteractiveQueries | None = None
        self._metrics = MetricsRegistry.configured(self.config)
        self._client_metrics: ClientMetrics | None = None
        self._described = topology.describe() if hasattr(topology, "describe") else ""
        self._directory = StateDirectory(
            str(self.config["state.dir"]),
            self.config.application_id,
            writable_by_group=bool(self.config["allow.os.group.write.access"]),
        )
        self._cleaner: threading.Timer | None = None
        self._is_paused = False
        self.failure: BaseException | None = None
        """What brought the instance to ERROR."""

    # Its life

    @property
    def state(self) -> State:
        return self._state.now

    def set_state_listener(self, listener: Callable[[State, State], None]) -> None:
        """Called with the new state and the old one, by whichever thread changes it. Only before `start`."""
        self._state.check_created("a state listener")
        self._state.listener = listener

    def set_uncaught_exception_handler(self, handler: Callable[[BaseException], StreamThreadExceptionResponse]) -> None:
        self._state.check_created("an exception handler")
        self._handler = handler

    def set_global_state_restore_listener(self, listener: StateRestoreListener) -> None:
        self._state.check_created("a restore listener")
        self._restore_listener = listener

    def set_standby_update_listener(self, listener: StandbyUpdateListener) -> None:
        """What copies do (KIP-988)."""
        self._state.check_created("a listener of copies")
        self._standby_listener = listener

    def start(self) -> None:
        """Join the group and process, in threads. Raises `StreamsError` where that cannot even begin."""
        if not self._state.become(State.REBALANCING):
            raise StreamsError(f"an instance can be started once; it is {self.state.value}")
        try:
            self.process_id = self._directory.open()
            self._configure_stores()
            start_traces(self.config.application_id, self.process_id)
            client_id = str(self.config["client.id"]) or f"{self.config.application_id}-{self.process_id}"
            control = ControlThread(self.config, client_id)
            self._client_metrics = ClientMetrics(
                self._metrics,
                client_id,
                self.process_id,
                self.config.application_id,
                topology=str(self._described),
                state=lambda: self.state.value,
                alive_threads=self._alive_threads,
            )
            self._parts = ThreadParts(
                self.topology,
                self.config,
                self._supplier,
                control,
                self._directory,
                self.process_id,
                client_id,
                self._metrics,
            )
            self._queries = InteractiveQueries(self.topology, self.config, self._parts, lambda: self.threads)
            control.start()
            self._parts.prepare(self._restore_listener, self._global_failed)
            for _ in range(int(self.config["num.stream.threads"]) if self.topology.sub_topologies else 0):
                self.add_stream_thread()
        except (ClientError, KafkaError) as error:
            self._fail(StreamsError(f"the application cannot start: {error}"))
        except BaseException as error:
            self._fail(error)
        if not self.topology.sub_topologies:
            self._state.become(State.RUNNING)
        self._clean_later()

    def _configure_stores(self) -> None:
        """`rocksdb.config.setter`: a function of store name, options and configuration, or a `set_config` class."""
        setter = self.config["rocksdb.config.setter"]
        made = setter() if isinstance(setter, type) else setter
        set_config = getattr(made, "set_config", made)
        measures = self._metrics.records(RecordingLevel.DEBUG)
        if set_config is None and not measures:
            return

        def configure(name: str, options: Options) -> None:
            if measures:
                options.enable_statistics()
            if set_config is not None:
                set_config(name, options, self.config)

        configure_below(self._directory.root, configure)

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        self._state.become(State.PENDING_ERROR)
        self._stop_threads(CLOSE_TIMEOUT_S, leave=True)
        self._release()
        self._state.become(State.ERROR)
        raise error

    def add_stream_thread(self) -> str:
        """Its name."""
        with self._state.changed:
            if self._parts is None or not self.state.is_running_or_rebalancing:
                raise StreamsError(f"threads can be added while the instance runs; it is {self.state.value}")
            listeners = Listeners(self._restore_listener, self._standby_listener)
            index = next(number for number in range(1, len(self._threads) + 2) if number not in self._threads)
            thread = self._parts.make_thread(
                index, self._thread_changed, self._thread_failed, self._shutdown_wanted, listeners
            )
            thread.is_paused = self._is_paused
            self._threads[index] = thread
        thread.start()
        return thread.name

    def remove_stream_thread(self, timeout_s: float = CLOSE_TIMEOUT_S) -> str | None:
        """The name of the thread that has ended; None when there was none to end."""
        with self._state.changed:
            alive = [(index, each) for index, each in self._threads.items() if each.is_alive]
            if not alive:
                return None
            index, thread = alive[-1]
        thread.shutdown()
        thread.join(timeout_s)
        with self._state.changed:
            self._threads.pop(index, None)
        return thread.name

    def pause(self) -> None:
        """Process and restore nothing until `resume`; tasks stay here, and stores can be asked (KIP-834)."""
        self._pause(True)

    def resume(self) -> None:
        self._pause(False)

    @property
    def is_paused(self) -> bool:
        return self._is_paused

    def _pause(self, paused: bool) -> None:
        with self._state.changed:
            self._is_paused = paused
            for thread in self._threads.values():
                thread.is_paused = paused

    def wait_until_running(self, timeout_s: float = 120.0) -> None:
        """Return when every task that this instance has is restored and runs; raise what it failed with."""
        self.wait_for(State.RUNNING, timeout_s)

    def wait_for(self, state: State, timeout_s: float | None = None) -> None:
        with self._state.changed:
            reached = self._state.wait_for(state, State.ERROR, State.NOT_RUNNING, timeout_s=timeout_s)
            if self.state is state:
                return
            if self.state is State.ERROR and self.failure is not None:
                raise self.failure
        what = "within the time" if not reached else f"any more: the instance is {self.state.value}"
        raise StreamsError(f"the application is not {state.value} {what}")

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S, *, leave_group: bool = True) -> bool:
        """Commit, close and stop; whether all threads have ended in time. Closing twice does nothing."""
        if not self._state.become(State.PENDING_SHUTDOWN):
            return self._state.wait_for(State.NOT_RUNNING, State.ERROR, timeout_s=timeout_s)
        ended = self._stop_threads(timeout_s, leave=leave_group)
        self._release()
        self._state.become(State.NOT_RUNNING)
        return ended

    def _stop_threads(self, timeout_s: float, *, leave: bool) -> bool:
        deadline_s = time.monotonic() + timeout_s
        threads = list(self._threads.values())
        for thread in threads:
            thread.shutdown(leave=leave)
        ended = [thread.join(max(0.0, deadline_s - time.monotonic())) for thread in threads]
        return all(ended)

    def _release(self) -> None:
        if self._cleaner is not None:
            self._cleaner.cancel()
        if self._parts is not None:
            self._parts.close()
        self._directory.close()

    def clean_up(self) -> None:
        """Remove this instance's state; it is restored from the changelogs. Not while it runs."""
        if self.state not in (State.CREATED, State.NOT_RUNNING, State.ERROR):
            raise StreamsError("state can be removed before the start or after the end")
        self._directory.clean_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Queries

    @property
    def threads(self) -> list[StreamThread]:
        return list(self._threads.values())

    def store(self, parameters: StoreQueryParameters[T]) -> T:
        """A read-only view of a store of this instance, for any thread (KIP-562); it outlives rebalances.

        Raises `InvalidStateStoreError`, here and where the view is read: `UnknownStateStoreError`,
        `StateStoreMigratedError`, `StreamsRebalancingError` and others say what is in the way.
        """
        queries = self._queryable(parameters.store_name)

        def stores() -> list[ReadableStore]:
            self._queryable(parameters.store_name)
            return queries.stores(parameters)

        stores()
        return parameters.queryable_store_type.create(stores)

    def query(self, request: StateQueryRequest[R]) -> StateQueryResult[R]:
        """Ask partitions of a store that are here, active or copied (KIP-796). Each answers or fails by itself.

        Raises `InvalidStateStoreError` where nothing can be asked at all.
        """
        return self._queryable(request.store_name).query(request)

    def metrics(self) -> dict[MetricName, Metric]:
        """What it measures now: of itself once it was started, of threads, tasks and stores while they are there."""
        return self._metrics.metrics()

    def metadata_for_local_threads(self) -> frozenset[ThreadMetadata]:
        """What each thread of this instance has to do."""
        return frozenset(metadata_of(each) for each in self.threads)

    def _alive_threads(self) -> int:
        return sum(each.state not in (ThreadState.CREATED, ThreadState.DEAD) for each in list(self._threads.values()))

    def metadata_for_all_streams_clients(self) -> list[StreamsMetadata]:
        """Of instances that have an `application.server`."""
        return [] if self._queries is None else self._queries.instances()

    def streams_metadata_for_store(self, store: str) -> list[StreamsMetadata]:
        return [
            each
            for each in self.metadata_for_all_streams_clients()
            if store in each.state_store_names or store in each.standby_state_store_names
        ]

    def query_metadata_for_key(
        self,
        store: str,
        key: Any,
        *,
        key_serializer: Serializer[Any] | None = None,
        partitioner: StreamPartitioner | None = None,
    ) -> KeyQueryMetadata:
        """Which instances have a key, and in which partition (KIP-535); `NOT_AVAILABLE` where that is not known yet.

        `key_serializer` for keys that are spread by the hash of their bytes, `partitioner` for others.
        """
        return self._queryable(store).metadata_for_key(store, key, key_serializer, partitioner)

    def all_local_store_partition_lags(self) -> dict[str, dict[int, LagInfo]]:
        """By store and partition, of active tasks and copies: how much of their changelogs they have (KIP-535)."""
        return {} if self._queries is None else self._queries.lags()

    def _queryable(self, store: str) -> InteractiveQueries:
        if self.state is State.CREATED or self._queries is None:
            raise StreamsNotStartedError("the instance has not been started: stores can be read after start()")
        if not self.state.is_running_or_rebalancing:
            raise StreamsStoppedError(f"stores can be read while the instance runs; it is {self.state.value}")
        self._queries.check_known(store)
        return self._queries

    # What threads say

    def _thread_changed(self, thread: StreamThread, state: ThreadState) -> None:
        if state is ThreadState.DEAD:
            self._thread_ended(thread)
            return
        with self._state.changed:
            alive = [each for each in self._threads.values() if each.state is not ThreadState.DEAD]
            if all(each.state is ThreadState.RUNNING for each in alive):
                self._state.become(State.RUNNING)
            elif state is ThreadState.PARTITIONS_ASSIGNED:
                self._state.become(State.REBALANCING)

    def _thread_failed(self, thread: StreamThread, failure: BaseException) -> bool:
        """In the failing thread, before it closes: whether all instances are to be told."""
        if self._client_metrics is not None:
            self._client_metrics.failed.record(1, self._metrics.clock_ms())
        response = StreamThreadExceptionResponse.SHUTDOWN_CLIENT
        if self._handler is not None:
            try:
                response = self._handler(failure)
            except Exception:
                _log.exception("the uncaught exception handler failed itself")
        self._responses[thread.name] = response
        if response is not StreamThreadExceptionResponse.REPLACE_THREAD and self.failure is None:
            self.failure = failure
        return response is StreamThreadExceptionResponse.SHUTDOWN_APPLICATION

    def _thread_ended(self, thread: StreamThread) -> None:
        response = self._responses.pop(thread.name, None)
        if response is None:
            return
        if response is StreamThreadExceptionResponse.REPLACE_THREAD:
            with self._state.changed:
                for index, each in list(self._threads.items()):
                    if each is thread:
                        del self._threads[index]
                if self.state.is_running_or_rebalancing:
                    self._state.become(State.REBALANCING)
                    self.add_stream_thread()
            return
        self._end_with_error()

    def _global_failed(self, failure: BaseException) -> None:
        if self.failure is None:
            self.failure = failure
        self._end_with_error()

    def _shutdown_wanted(self) -> None:
        with self._state.changed:
            if self.failure is None:
                self.failure = StreamsError("an instance of the application has asked all of them to stop")
        self._end_with_error()

    def _end_with_error(self) -> None:
        if self._state.become(State.PENDING_ERROR):
            threading.Thread(target=self._finish_with_error, name="ottla-streams-end", daemon=True).start()

    def _finish_with_error(self) -> None:
        self._stop_threads(CLOSE_TIMEOUT_S, leave=True)
        self._release()
        self._state.become(State.ERROR)

    # Cleaning

    def _clean_later(self) -> None:
        self._cleaner = threading.Timer(CLEANUP_INTERVAL_S, self._clean)
        self._cleaner.daemon = True
        self._cleaner.start()

    def _clean(self) -> None:
        if not self.state.is_running_or_rebalancing:
            return
        if self.state is State.RUNNING:
            removed = self._directory.clean(time.time(), int(self.config["state.cleanup.delay.ms"]))
            if removed:
                _log.info("the state of tasks that run elsewhere was removed: %s", ", ".join(removed))
        self._clean_later()
