"""AlterReplicaLogDirs (34): move replicas of this broker between its log directories.

| version | what changed   | KIP |
|---------|----------------|-----|
| 1       | as 0           | 113 |
| 2       | tagged fields  | 482 |

The answer says that a move has begun; DescribeLogDirs shows the copy until it takes the replica's place. Kafka's
`ReplicaManager.alterReplicaLogDirs`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.log.file_names import TopicPartition
from ottla.log.replica_mover import ReplicaMover
from ottla.protocol.api.alter_replica_log_dirs import (
    AlterReplicaLogDirPartitionResult,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopicResult,
)
from ottla.protocol.errors import ErrorCode

LONGEST_TOPIC = 255 - len("-0.-future") - 32


class AlterReplicaLogDirsHandler:
    """`directories`: those of `log.dirs`, as they are configured."""

    def __init__(self, manager: ReplicaManager, mover: Callable[[], ReplicaMover], directories: Sequence[str]) -> None:
        self._manager = manager
        self._mover = mover
        self._directories = {str(Path(path).absolute()): Path(path) for path in directories}

    def __call__(self, context: RequestContext, request: AlterReplicaLogDirsRequest) -> AlterReplicaLogDirsResponse:
        results: dict[str, list[AlterReplicaLogDirPartitionResult]] = {}
        for wanted in request.dirs:
            for topic in wanted.topics:
                for index in topic.partitions:
                    error = self._alter(wanted.path, TopicPartition(topic.name, index))
                    results.setdefault(topic.name, []).append(
                        AlterReplicaLogDirPartitionResult(partition_index=index, error_code=error)
                    )
        return AlterReplicaLogDirsResponse(
            results=[
                AlterReplicaLogDirTopicResult(topic_name=name, partitions=partitions)
                for name, partitions in results.items()
            ]
        )

    def _alter(self, path: str, name: TopicPartition) -> ErrorCode:
        directory: PurePath | None = self._directories.get(path)
        if len(name.topic) > LONGEST_TOPIC:
            return ErrorCode.INVALID_TOPIC_EXCEPTION
        if directory is None:
            return ErrorCode.LOG_DIR_NOT_FOUND
        if self._manager.directory_failed(directory):
            return ErrorCode.KAFKA_STORAGE_ERROR
        partition = self._manager.find(*name)
        if isinstance(partition, ErrorCode):
            return ErrorCode.REPLICA_NOT_AVAILABLE if partition is ErrorCode.NOT_LEADER_OR_FOLLOWER else partition
        try:
            self._mover().move(name, directory)
        except OSError:
            return ErrorCode.KAFKA_STORAGE_ERROR
        return ErrorCode.NONE
