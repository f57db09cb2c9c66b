"""The share coordinator of a node: finds the shard of a share partition, has its topic made, and keeps its log short.

What the handlers of the state APIs call, and, in this process, the group coordinator (`initialize`, `delete`) and the
leaders of share partitions (`read`, `write`): it is their persister. An answer is given at once where nothing has to
be waited for, else as an awaitable. Kafka's ShareCoordinatorService, PersisterStateManager.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from ottla.broker.coordinator.eventually import Eventually
from ottla.broker.coordinator.runtime import CoordinatorRuntime
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.coordinator.partitioner import partition_for
from ottla.coordinator.share.config import ShareCoordinatorConfig
from ottla.coordinator.share.shard import Refusal, ShareCoordinatorShard, Write
from ottla.coordinator.share.share_partition_state import SharePartitionKey, SharePartitionState
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import MetadataImage
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Timer, Timers

SHARE_STATE_TOPIC: Final = "__share_group_state"


class ShareCoordinator:
    """`partition_count` is what `__share_group_state` has, or will have when `create_topic` makes it."""

    def __init__(
        self,
        runtime: CoordinatorRuntime[ShareCoordinatorShard],
        config: ShareCoordinatorConfig,
        replicas: ReplicaManager,
        timers: Timers,
        create_topic: Callable[[str], Awaitable[None]],
        *,
        node_id: int,
        partition_count: int,
    ) -> None:
        self._runtime = runtime
        self._config = config
        self._replicas = replicas
        self._timers = timers
        self._create_topic = create_topic
        self._node_id = node_id
        self._partition_count = partition_count
        self._prune_timer: Timer | None = None

    # -- metadata

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        """Follow who leads the partitions, and which topics are gone. After the replica manager has followed."""
        if any(topic.name == SHARE_STATE_TOPIC for topic in delta.deleted_topics.values()):
            self._runtime.close()
        topic = image.topics.by_name.get(SHARE_STATE_TOPIC)
        if topic is None:
            return
        self._partition_count = len(topic.partitions)
        if self._prune_timer is None:
            self._schedule_pruning()
        changed = delta.changed_topics.get(topic.topic_id)
        if changed is not None:
            for index, partition in changed.partition_changes.items():
                if partition.leader == self._node_id:
                    self._runtime.elect(index, partition.leader_epoch)
                else:
                    self._runtime.resign(index)
        gone = frozenset(topic.topic_id for topic in delta.deleted_topics.values())
        if gone:
            for index, shard in self._runtime.shards():
                if isinstance(shard, ShareCoordinatorShard):
                    self._runtime.write(index, shard.topics_deleted(gone), _ignore)

    def close(self) -> None:
        if self._prune_timer is not None:
            self._prune_timer.cancel()
        self._runtime.close()

    def partition_for(self, coordinator_key: str) -> int:
        """Which partition coordinates `groupId:topicId:partition`."""
        return partition_for(coordinator_key, self._partition_count)

    async def ensure_topic(self) -> None:
        """The topic of the states is there, or could not be made."""
        if SHARE_STATE_TOPIC not in self._replicas.image.topics.by_name:
            await self._create_topic(SHARE_STATE_TOPIC)

    def _find(self, key: SharePartitionKey) -> tuple[int, ShareCoordinatorShard | Refusal]:
        index = self.partition_for(key.coordinator_key)
        shard = self._runtime.shard(index)
        return index, _refused(shard) if isinstance(shard, ErrorCode) else shard

    # -- states

    def initialize(self, key: SharePartitionKey, state_epoch: int, start_offset: int) -> Eventually[Refusal | None]:
        index, shard = self._find(key)
        if isinstance(shard, Refusal):
            return shard
        return self._runtime.write(index, shard.initialize(key, state_epoch, start_offset), _refused)

    def delete(self, key: SharePartitionKey) -> Eventually[Refusal | None]:
        index, shard = self._find(key)
        if isinstance(shard, Refusal):
            return shard
        return self._runtime.write(index, shard.delete(key), _refused)

    def read(self, key: SharePartitionKey, leader_epoch: int) -> Eventually[SharePartitionState | Refusal]:
        index, shard = self._find(key)
        if isinstance(shard, Refusal):
            return shard
        result = shard.read(key, leader_epoch)
        if not result.records:
            return self._runtime.when_committed(index, result.response, _refused)
        return self._runtime.write(index, result, _refused)

    def write(self, key: SharePartitionKey, write: Write) -> Eventually[Refusal | None]:
        index, shard = self._find(key)
        if isinstance(shard, Refusal):
            return shard
        return self._runtime.write(index, shard.write(key, write), _refused)

    def read_summary(self, key: SharePartitionKey) -> SharePartitionState | Refusal:
        shard = self._runtime.committed(self.partition_for(key.coordinator_key))
        return _refused(shard) if isinstance(shard, ErrorCode) else shard.read_summary(key)

    # -- pruning

    def _schedule_pruning(self) -> None:
        self._prune_timer = self._timers.call_later(self._config.state_topic_prune_interval_ms, self._prune)

    def _prune(self) -> None:
        """Records that later snapshots have made redundant are deleted (DeleteRecords), a whole prefix of the log."""
        self._schedule_pruning()
        for index, shard in self._runtime.shards():
            partition = self._replicas.find(SHARE_STATE_TOPIC, index)
            if isinstance(shard, ErrorCode) or isinstance(partition, ErrorCode):
                continue
            offset = min(shard.redundant_below(), partition.log.high_watermark)
            if offset > partition.log.log_start_offset:
                try:
                    partition.delete_records(offset)
                except OSError as error:
                    self._replicas.disk_failed(partition, error)


def _refused(error: ErrorCode) -> Refusal:
    return Refusal(error, error.message)


def _ignore(error: ErrorCode) -> None:
    return None
