"""Every partition that this node hosts, found by name and by id, and kept in step with the metadata.

A subscriber of the metadata and the only one that makes, updates and drops `Partition`s. Handlers look up a partition
here with two dictionary reads; why there is none (never heard of it, hosted elsewhere, its disk failed) is worked out
only then. Kafka's `ReplicaManager`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from ottla.broker.replica.partition import Partition
from ottla.broker.replica.traffic import Traffic
from ottla.log.append_result import AppendOrigin, AppendResult
from ottla.log.checkpoint import CorruptCheckpointError
from ottla.log.recovery import OffsetOverflowError
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage, TopicImage
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import PurePath

    from ottla.broker.replica.leadership import Leadership
    from ottla.log.config import LogConfig
    from ottla.log.file_names import TopicPartition
    from ottla.log.log import Log
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.partition import PartitionRegistration
    from ottla.runtime.files import Buffer
    from ottla.runtime.time import Clock

TOPIC_RESOURCE: Final = 2
BROKER_RESOURCE: Final = 4
INTERNAL_TOPICS: Final = frozenset(("__consumer_offsets", "__transaction_state", "__share_group_state"))
"""Topics whose records are the coordinators' own: clients may read them, but not write them."""

UNUSABLE_LOG: Final = (OSError, ValueError, CorruptCheckpointError, OffsetOverflowError)
"""The disk fails, or the files are not those of this log."""

NO_LEADER_HINT: Final = (-1, -1)


class Logs(Protocol):
    """What is asked of the log directories (`log.manager.LogManager`)."""

    def get(self, topic: str, partition: int) -> Log | None: ...

    def get_or_create(
        self, topic: str, partition: int, topic_id: bytes, config: LogConfig, directory_id: bytes = b""
    ) -> Log: ...

    def directory_id_of(self, topic: str, partition: int) -> bytes: ...

    def fail_directory_of(self, log: Log, error: OSError) -> None: ...

    def is_offline(self, path: PurePath) -> bool: ...

    def truncated(self, logs: Iterable[Log]) -> None: ...

    @property
    def futures(self) -> Mapping[TopicPartition, tuple[object, Log]]: ...

    def delete(self, topic: str, partition: int) -> None: ...


class Replication(Protocol):
    """What is done for partitions with other replicas (`replica.replication`)."""

    def new_leadership(self, partition: Partition) -> Leadership: ...

    def follow(self, partition: Partition) -> None: ...

    def unfollow(self, partition: Partition) -> None: ...

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None: ...


@dataclass(slots=True)
class HostedTopic:
    """A topic of which this node hosts partitions."""

    name: str
    topic_id: bytes
    internal: bool
    partitions: dict[int, Partition]
    past: Traffic = field(default_factory=Traffic)
    """Of partitions that this node hosts no more."""

    def traffic(self) -> Traffic:
        """Of the topic on this node, as far as it is known."""
        total = Traffic()
        total.add(self.past)
        for partition in self.partitions.values():
            partition.settle_traffic()
            total.add(partition.traffic)
        return total


@dataclass(slots=True)
class AppendOutcome:
    """What became of a coordinator's append: `committed` is done when it is committed (None: it is)."""

    error: ErrorCode
    base_offset: int = -1
    last_offset: int = -1
    committed: asyncio.Future[ErrorCode] | None = None
    error_message: str | None = None


@dataclass(slots=True)
class LeaderEndpoint:
    """Where a leader is to be found, for an answer that tells of a new leader (KIP-951)."""

    host: str
    port: int
    rack: str | None


class ReplicaManager:
    """`by_name` and `by_id` are for reading; `image` is the newest metadata that was taken over."""

    def __init__(
        self,
        *,
        node_id: int,
        logs: Logs,
        clock: Clock,
        log_config: Callable[[MetadataImage, str], LogConfig],
        report: Callable[[str], None],
        replication: Callable[[], Replication] | None = None,
    ) -> None:
        """`replication` is asked for when the first partition is hosted that has other replicas, too.

        Without it no follower is known, nor waited for, and nothing is fetched.
        """
        self.node_id = node_id
        self.image = EMPTY_IMAGE
        self.by_name: dict[str, HostedTopic] = {}
        self.by_id: dict[bytes, HostedTopic] = {}
        self._logs = logs
        self._clock = clock
        self._log_config = log_config
        self._report = report
        self._replication = replication
        self._replicates = False
        self._offline: set[tuple[bytes, int]] = set()
        self._placed: dict[tuple[bytes, int], bytes] = {}
        self.follower_fetches: Counter[int] = Counter()
        """Fetch requests of followers, by version."""
        self.past = Traffic()
        """Of topics that this node hosts no more."""

    # --- metadata ---

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        """Follow the metadata: drop what is deleted, host what is assigned, and give logs their changed configs."""
        self.image = image
        for topic in delta.deleted_topics.values():
            self._drop_topic(topic)
        for change in delta.changed_topics.values():
            for index, registration in change.partition_changes.items():
                if self.node_id in registration.replicas:
                    self._host(change.name, change.topic_id, index, registration)
                else:
                    self._drop(change.topic_id, index)
        if delta.changed_configs:
            self._apply_configs(delta, image)
        if self._replication is not None and self._replicates:
            self._replication().on_metadata(delta, image)

    def take_placed(self) -> dict[tuple[bytes, int], bytes]:
        """(topic id, index) -> directory id of the replicas of which the metadata does not know where they lie."""
        placed, self._placed = self._placed, {}
        return placed

    def _host(self, name: str, topic_id: bytes, index: int, registration: PartitionRegistration) -> None:
        topic = self.by_id.get(topic_id)
        if topic is None:
            topic = HostedTopic(name, topic_id, name in INTERNAL_TOPICS, {})
            self.by_name[name] = self.by_id[topic_id] = topic
        partition = topic.partitions.get(index)
        directory_id = registration.directories[registration.replicas.index(self.node_id)]
        try:
            if partition is None:
                if (topic_id, index) in self._offline:
                    return  # its disk failed in this run; what lies there must not begin anew elsewhere
                log = self._logs.get_or_create(name, index, topic_id, self._log_config(self.image, name), directory_id)
                partition = self._make(name, topic_id, index, log)
            partition.update(registration, self.node_id)
        except UNUSABLE_LOG as error:
            topic.partitions.pop(index, None)
            self._fail(topic_id, index, error)
            if partition is not None:
                self._close(partition)
                if isinstance(error, OSError):
                    self._logs.fail_directory_of(partition.log, error)
            return
        topic.partitions[index] = partition
        self._follow(partition)
        actual_id = self._logs.directory_id_of(name, index)
        if actual_id and actual_id != directory_id:
            self._placed[topic_id, index] = actual_id

    def _make(self, name: str, topic_id: bytes, index: int, log: Log) -> Partition:
        replication = self._replication
        if replication is None:
            return Partition(name, topic_id, index, log)
        return Partition(name, topic_id, index, log, lambda partition: replication().new_leadership(partition))

    def _follow(self, partition: Partition) -> None:
        """Fetch from the leader that it has now, if that is another node."""
        if len(partition.replicas) > 1:
            self._replicates = True
        if self._replication is None or not self._replicates:
            return
        if partition.is_leader or partition.leader < 0:
            self._replication().unfollow(partition)
        else:
            self._replication().follow(partition)

    def _close(self, partition: Partition) -> None:
        if self._replication is not None and self._replicates:
            self._replication().unfollow(partition)
        partition.close()
        topic = self.by_id.get(partition.topic_id)
        (self if topic is None else topic).past.add(partition.traffic)

    def partitions(self) -> Iterator[Partition]:
        """All that are hosted."""
        for topic in self.by_name.values():
            yield from topic.partitions.values()

    def _drop_topic(self, image: TopicImage) -> None:
        for index in image.partitions:
            self._drop(image.topic_id, index)

    def _drop(self, topic_id: bytes, index: int) -> None:
        self._offline.discard((topic_id, index))
        topic = self.by_id.get(topic_id)
        if topic is None:
            return
        partition = topic.partitions.pop(index, None)
        if partition is not None:
            self._close(partition)
            try:
                self._logs.delete(topic.name, index)
            except OSError as error:
                self._report(f"cannot delete {topic.name}-{index}: {error}")
        if not topic.partitions:
            self.past.add(topic.past)
            del self.by_id[topic_id]
            if self.by_name.get(topic.name) is topic:
                del self.by_name[topic.name]

    def _apply_configs(self, delta: MetadataDelta, image: MetadataImage) -> None:
        names: Mapping[str, HostedTopic] | set[str] = {
            name for resource_type, name in delta.changed_configs if resource_type == TOPIC_RESOURCE
        }
        if any(key in delta.changed_configs for key in ((BROKER_RESOURCE, ""), (BROKER_RESOURCE, str(self.node_id)))):
            names = self.by_name
        for name in names:
            topic = self.by_name.get(name)
            if topic is not None:
                config = self._log_config(image, name)
                for partition in topic.partitions.values():
                    partition.log.config = config

    # --- finding ---

    def find(self, name: str, index: int) -> Partition | ErrorCode:
        """The hosted partition (leading or following), or the error that Kafka answers when there is none here."""
        topic = self.by_name.get(name)
        partition = None if topic is None else topic.partitions.get(index)
        return partition or self._why_not_hosted(self.image.topics.by_name.get(name), index)

    def find_by_id(self, topic_id: bytes, index: int) -> Partition | ErrorCode:
        """As `find`; an id that nobody knows is `UNKNOWN_TOPIC_ID`."""
        topic = self.by_id.get(topic_id)
        partition = None if topic is None else topic.partitions.get(index)
        if partition is not None:
            return partition
        known = self.image.topics.by_id.get(topic_id)
        return ErrorCode.UNKNOWN_TOPIC_ID if known is None else self._why_not_hosted(known, index)

    def _why_not_hosted(self, topic: TopicImage | None, index: int) -> ErrorCode:
        if topic is None or index not in topic.partitions:
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if (topic.topic_id, index) in self._offline:
            return ErrorCode.KAFKA_STORAGE_ERROR
        return ErrorCode.NOT_LEADER_OR_FOLLOWER

    def current_leader(self, topic: TopicImage | None, index: int) -> tuple[int, int]:
        """The leader's id and epoch in the newest metadata, -1 where unknown (KIP-951)."""
        registration = None if topic is None else topic.partitions.get(index)
        return NO_LEADER_HINT if registration is None else (registration.leader, registration.leader_epoch)

    def endpoint(self, broker_id: int, listener: str) -> LeaderEndpoint | None:
        """Where clients of a listener find a live broker."""
        broker = self.image.cluster.brokers.get(broker_id)
        at = None if broker is None or broker.fenced else broker.listeners.get(listener)
        return None if broker is None or at is None else LeaderEndpoint(at.host, at.port, broker.rack)

    # --- appending and reading, for the coordinators ---

    def append(
        self, topic: str, index: int, records: Buffer, *, origin: AppendOrigin = AppendOrigin.COORDINATOR
    ) -> AppendOutcome:
        """Append one batch as the leader of the partition, with `acks=all`: it counts when it is committed."""
        partition = self._find_to_append(topic, index)
        if isinstance(partition, ErrorCode):
            return AppendOutcome(partition)
        return _outcome(partition, self.append_to(partition, records, self._clock.now_ms(), origin))

    def append_marker(self, topic: str, index: int, batch: Buffer, transaction_version: int) -> AppendOutcome:
        """`append` for the marker that ends a transaction."""
        partition = self._find_to_append(topic, index)
        if isinstance(partition, ErrorCode):
            return AppendOutcome(partition)
        try:
            result = partition.append_marker(batch, self._clock.now_ms(), transaction_version)
        except OSError as error:
            self.disk_failed(partition, error)
            return AppendOutcome(ErrorCode.KAFKA_STORAGE_ERROR)
        return _outcome(partition, result)

    def _find_to_append(self, topic: str, index: int) -> Partition | ErrorCode:
        partition = self.find(topic, index)
        if isinstance(partition, ErrorCode):
            return partition
        if not partition.is_leader:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        return ErrorCode.NOT_ENOUGH_REPLICAS if partition.lacks_replicas() else partition

    def append_to(self, partition: Partition, records: Buffer, now_ms: int, origin: AppendOrigin) -> AppendResult:
        """`Partition.append`, with a failing disk made an answer: the partition goes offline."""
        try:
            return partition.append(records, now_ms, origin)
        except OSError as error:
            self.disk_failed(partition, error)
            return AppendResult(ErrorCode.KAFKA_STORAGE_ERROR, -1, -1, -1, -1)

    def read(self, topic: str, index: int, offset: int, max_bytes: int) -> bytes | ErrorCode:
        """Whole batches from `offset` up to the log's end, at least one if there is any; b"": the end is reached."""
        partition = self.find(topic, index)
        return partition if isinstance(partition, ErrorCode) else partition.read_bytes(offset, max_bytes)

    # --- disks ---

    def disk_failed(self, partition: Partition, error: OSError) -> None:
        """The disk refused: its whole log directory is out of service until the node starts again (KIP-112)."""
        topic = self.by_id.get(partition.topic_id)
        if topic is not None:
            topic.partitions.pop(partition.index, None)
        self._close(partition)
        self._fail(partition.topic_id, partition.index, error)
        self._logs.fail_directory_of(partition.log, error)

    def truncated(self, partitions: Iterable[Partition]) -> None:
        """The logs of these were cut."""
        self._logs.truncated([partition.log for partition in partitions])

    @property
    def offline_count(self) -> int:
        """Replicas of this node whose disk failed."""
        return len(self._offline)

    def directory_failed(self, path: PurePath) -> bool:
        return self._logs.is_offline(path)

    def future_logs(self) -> list[tuple[TopicPartition, Log]]:
        """The copies that are to take a log's place."""
        return [(name, log) for name, (_, log) in self._logs.futures.items()]

    def moved(self, name: TopicPartition, log: Log) -> None:
        """A log lies in another directory from now on: it goes on there."""
        topic = self.by_name.get(name.topic)
        partition = None if topic is None else topic.partitions.get(name.partition)
        if topic is not None and partition is not None:
            partition.move_to(log)
            self._placed[topic.topic_id, name.partition] = self._logs.directory_id_of(*name)

    def take_offline(self, names: Iterable[tuple[str, int]]) -> None:
        """The directory of these failed."""
        for name, index in names:
            topic = self.by_name.get(name)
            partition = None if topic is None else topic.partitions.pop(index, None)
            if partition is not None:
                self._close(partition)
                self._offline.add((partition.topic_id, index))

    def _fail(self, topic_id: bytes, index: int, error: Exception) -> None:
        self._offline.add((topic_id, index))
        topic = self.by_id.get(topic_id)
        self._report(f"partition {topic.name if topic else topic_id.hex()}-{index} is offline: {error}")


def _outcome(partition: Partition, result: AppendResult) -> AppendOutcome:
    if result.error is not ErrorCode.NONE:
        return AppendOutcome(result.error, error_message=result.error_message)
    return AppendOutcome(
        ErrorCode.NONE, result.base_offset, result.last_offset, partition.committed(result.last_offset + 1)
    )
