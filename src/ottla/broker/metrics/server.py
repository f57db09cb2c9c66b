"""The node itself: its state, its connections, its event loop, what waits, its sessions, directories and disk.

Kafka's `KafkaServer`, `SocketServer`, `KafkaRequestHandlerPool`, `DelayedOperationPurgatory`, `FetchSessionCache`,
`LogManager`, `LogCleaner`.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottla.protocol.api_keys import ApiKey
from ottla.runtime.metrics.metric import counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.broker.connection import Connection
    from ottla.broker.node_view import NodeView
    from ottla.runtime.metrics.metric import Reading

STATE = gauge(
    "kafka_server_kafkaserver_brokerstate",
    "1 starting, 3 running, 6 on its way out.",
    mbean="kafka.server:type=KafkaServer,name=BrokerState",
)
DISK_READ = gauge(
    "kafka_server_kafkaserver_linux_disk_read_bytes",
    "Bytes that the process has had read from disks.",
    mbean="kafka.server:type=KafkaServer,name=linux-disk-read-bytes",
)
DISK_WRITE = gauge(
    "kafka_server_kafkaserver_linux_disk_write_bytes",
    "Bytes that the process has had written to disks.",
    mbean="kafka.server:type=KafkaServer,name=linux-disk-write-bytes",
)
HANDLERS_IDLE = gauge(
    "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
    "The part of the time since the last look that the event loop was idle, between 0 and 1.",
    mbean="kafka.server:type=KafkaRequestHandlerPool,name=RequestHandlerAvgIdlePercent",
)
NETWORK_IDLE = gauge(
    "kafka_network_socketserver_networkprocessoravgidle_percent",
    "The same: one thread does both.",
    mbean="kafka.network:type=SocketServer,name=NetworkProcessorAvgIdlePercent",
)
REQUEST_QUEUE = gauge(
    "kafka_network_requestchannel_requestqueuesize",
    "Requests that have come and are not served yet.",
    mbean="kafka.network:type=RequestChannel,name=RequestQueueSize",
)
RESPONSE_QUEUE = gauge(
    "kafka_network_requestchannel_responsequeuesize",
    "Always 0: what serves a request writes its answer.",
    mbean="kafka.network:type=RequestChannel,name=ResponseQueueSize",
)
CONNECTIONS = gauge(
    "kafka_server_socket_server_metrics_connection_count",
    "Connections.",
    "listener",
    "networkProcessor",
    mbean="kafka.server:type=socket-server-metrics,connection-count",
)
CONNECTIONS_MADE = counter(
    "kafka_server_socket_server_metrics_connection_creation_total",
    "Connections that were made.",
    "listener",
    "networkProcessor",
    mbean="kafka.server:type=socket-server-metrics,connection-creation-total",
)
CONNECTIONS_CLOSED = counter(
    "kafka_server_socket_server_metrics_connection_close_total",
    "Connections that were closed.",
    "listener",
    "networkProcessor",
    mbean="kafka.server:type=socket-server-metrics,connection-close-total",
)
SOFTWARE = gauge(
    "kafka_server_socket_server_metrics_connections_software",
    "Connections by the client library that made them.",
    "clientSoftwareName",
    "clientSoftwareVersion",
    "listener",
    "networkProcessor",
    mbean="kafka.server:type=socket-server-metrics,connections",
)
DELAYED = gauge(
    "kafka_server_delayedoperationpurgatory_purgatorysize",
    "Requests that wait for something: a fetch for bytes, a produce for followers.",
    "delayedOperation",
    mbean="kafka.server:type=DelayedOperationPurgatory,name=PurgatorySize",
)
DELAYED_OPERATIONS = gauge(
    "kafka_server_delayedoperationpurgatory_numdelayedoperations",
    "The same: nothing that is done with stays there.",
    "delayedOperation",
    mbean="kafka.server:type=DelayedOperationPurgatory,name=NumDelayedOperations",
)
SESSIONS = gauge(
    "kafka_server_fetchsessioncache_numincrementalfetchsessions",
    "Fetch sessions.",
    mbean="kafka.server:type=FetchSessionCache,name=NumIncrementalFetchSessions",
)
SESSION_PARTITIONS = gauge(
    "kafka_server_fetchsessioncache_numincrementalfetchpartitionscached",
    "Partitions of all fetch sessions together.",
    mbean="kafka.server:type=FetchSessionCache,name=NumIncrementalFetchPartitionsCached",
)
SESSION_EVICTIONS = counter(
    "kafka_server_fetchsessioncache_incrementalfetchsessionevictions_total",
    "Fetch sessions that had to make room.",
    mbean="kafka.server:type=FetchSessionCache,name=IncrementalFetchSessionEvictionsPerSec",
)
OFFLINE_DIRECTORIES = gauge(
    "kafka_log_logmanager_offlinelogdirectorycount",
    "Log directories whose disk failed.",
    mbean="kafka.log:type=LogManager,name=OfflineLogDirectoryCount",
)
OFFLINE_DIRECTORY = gauge(
    "kafka_log_logmanager_logdirectoryoffline",
    "1: its disk failed.",
    "logDirectory",
    mbean="kafka.log:type=LogManager,name=LogDirectoryOffline",
)
DIRECTORY_TOTAL = gauge("ottla_log_directory_total_bytes", "The size of the disk that it is on.", "logDirectory")
DIRECTORY_USABLE = gauge("ottla_log_directory_usable_bytes", "What may still be written there.", "logDirectory")
UNCLEANABLE = gauge(
    "kafka_log_logcleanermanager_uncleanable_partitions_count",
    "Logs that cannot be compacted because they cannot be read.",
    mbean="kafka.log:type=LogCleanerManager,name=uncleanable-partitions-count",
)
CLEANED = counter("ottla_log_cleaner_cleaned_logs_total", "Logs that were compacted.")

METRICS = (
    STATE,
    DISK_READ,
    DISK_WRITE,
    HANDLERS_IDLE,
    NETWORK_IDLE,
    REQUEST_QUEUE,
    RESPONSE_QUEUE,
    CONNECTIONS,
    CONNECTIONS_MADE,
    CONNECTIONS_CLOSED,
    SOFTWARE,
    DELAYED,
    DELAYED_OPERATIONS,
    SESSIONS,
    SESSION_PARTITIONS,
    SESSION_EVICTIONS,
    OFFLINE_DIRECTORIES,
    OFFLINE_DIRECTORY,
    DIRECTORY_TOTAL,
    DIRECTORY_USABLE,
    UNCLEANABLE,
    CLEANED,
)

_STARTING, _RUNNING, _STOPPING = 1, 3, 6
_IO: Final = Path("/proc/self/io")
_ONLY_PROCESSOR: Final = "0"
_OPERATIONS: Final = {ApiKey.FETCH: "Fetch", ApiKey.PRODUCE: "Produce", ApiKey.SHARE_FETCH: "ShareFetch"}
_MIN_WINDOW_S: Final = 1.0


class LoopIdleness:
    """The part of the time that the thread of the event loop did not run; asked on that thread."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.monotonic(), time.thread_time()
        self._idle = 1.0

    def read(self) -> Iterator[Reading]:
        wall_s, cpu_s = time.monotonic(), time.thread_time()
        elapsed_s = wall_s - self._wall_s
        if elapsed_s >= _MIN_WINDOW_S:
            self._idle = min(1.0, max(0.0, 1.0 - (cpu_s - self._cpu_s) / elapsed_s))
            self._wall_s, self._cpu_s = wall_s, cpu_s
        yield HANDLERS_IDLE, (), self._idle
        yield NETWORK_IDLE, (), self._idle


def read_server(view: NodeView) -> Iterator[Reading]:
    yield STATE, (), _STOPPING if view.stops else _RUNNING if view.serves else _STARTING
    try:
        io = dict(line.split(": ") for line in _IO.read_text().splitlines())
        yield DISK_READ, (), int(io["read_bytes"])
        yield DISK_WRITE, (), int(io["write_bytes"])
    except (OSError, ValueError, KeyError):  # no such file, or no right to read it
        pass
    if view.parts is None:
        return
    sessions = view.parts.fetch_sessions
    yield SESSIONS, (), len(sessions)
    yield SESSION_PARTITIONS, (), sessions.partition_count()
    yield SESSION_EVICTIONS, (), sessions.evictions


def read_connections(view: NodeView) -> Iterator[Reading]:
    queued = 0
    delayed: Counter[ApiKey] = Counter()
    of_controller = None if view.metadata is None else view.metadata.listeners
    for listeners in filter(None, (view.listeners, of_controller)):
        for name, (entered, inside) in listeners.by_listener().items():
            labels = (name, _ONLY_PROCESSOR)
            yield CONNECTIONS, labels, len(inside)
            yield CONNECTIONS_MADE, labels, entered
            yield CONNECTIONS_CLOSED, labels, entered - len(inside)
            yield from _read_software(name, inside)
            queued += sum(connection.queued for connection in inside)
            for connection in inside:
                delayed.update(connection.waited_for)
    yield REQUEST_QUEUE, (), queued
    yield RESPONSE_QUEUE, (), 0
    for key, name in _OPERATIONS.items():
        yield DELAYED, (name,), delayed[key]
        yield DELAYED_OPERATIONS, (name,), delayed[key]


def read_directories(view: NodeView) -> Iterator[Reading]:
    if view.parts is None:
        return
    directories = view.parts.log_directories
    offline = [directory for directory in directories if directory.has_failed()]
    yield OFFLINE_DIRECTORIES, (), len(offline)
    for directory in directories:
        yield OFFLINE_DIRECTORY, (directory.path,), int(directory in offline)
        if directory not in offline:
            try:
                total, usable = directory.disk_bytes()
            except OSError:
                continue
            yield DIRECTORY_TOTAL, (directory.path,), total
            yield DIRECTORY_USABLE, (directory.path,), usable
    if view.cleaner is not None:
        yield UNCLEANABLE, (), view.cleaner.uncleanable
        yield CLEANED, (), view.cleaner.cleaned_logs


def _read_software(listener: str, inside: list[Connection]) -> Iterator[Reading]:
    clients = [connection.client for connection in inside]
    versions = Counter((client.client_software_name, client.client_software_version) for client in clients)
    for (name, version), count in sorted(versions.items()):
        yield SOFTWARE, (name, version, listener, _ONLY_PROCESSOR), count
