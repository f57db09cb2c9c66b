"""DescribeLogDirs (35): the log directories of this broker, what lies in them, and how full their disks are.

| version | what changed                        | KIP  |
|---------|-------------------------------------|------|
| 1       | as 0                                | 113  |
| 2       | tagged fields                       | 482  |
| 3       | an error of the whole request       | 784  |
| 4       | total and usable bytes              | 827  |
| 5       | whether a directory is cordoned     | 1066 |

The offset lag of a log is how far its end is behind the high watermark, which it never is where nothing is replicated.
Logs do not move between directories yet, so none is a future one. Kafka's `ReplicaManager.describeLogDirs`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.describe_log_dirs import (
    DescribeLogDirsPartition,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)
from ottla.protocol.errors import ErrorCode


@dataclass(slots=True, frozen=True)
class LogDirectory:
    """A directory of `log.dirs`: its absolute path, and how to ask for (total, usable) bytes of its disk."""

    path: str
    disk_bytes: Callable[[], tuple[int, int]]
    cordoned: bool = field(default=False)


class DescribeLogDirsHandler:
    def __init__(self, manager: ReplicaManager, directories: Sequence[LogDirectory]) -> None:
        self._manager = manager
        self._directories = directories

    def __call__(self, context: RequestContext, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse:
        wanted = None
        if request.topics is not None:
            wanted = {(topic.topic, index) for topic in request.topics for index in topic.partitions}
        return DescribeLogDirsResponse(results=[self._describe(directory, wanted) for directory in self._directories])

    def _describe(self, directory: LogDirectory, wanted: set[tuple[str, int]] | None) -> DescribeLogDirsResult:
        try:
            total_bytes, usable_bytes = directory.disk_bytes()
        except OSError:
            return DescribeLogDirsResult(error_code=ErrorCode.KAFKA_STORAGE_ERROR, log_dir=directory.path, topics=[])
        topics = []
        for topic in self._manager.by_name.values():
            partitions = [
                DescribeLogDirsPartition(
                    partition_index=index,
                    partition_size=partition.log.size_bytes,
                    offset_lag=max(0, partition.log.high_watermark - partition.log.log_end_offset),
                    is_future_key=False,
                )
                for index, partition in topic.partitions.items()
                if str(partition.log.directory.parent) == directory.path
                and (wanted is None or (topic.name, index) in wanted)
            ]
            if partitions:
                topics.append(DescribeLogDirsTopic(name=topic.name, partitions=partitions))
        return DescribeLogDirsResult(
            error_code=0,
            log_dir=directory.path,
            topics=topics,
            total_bytes=total_bytes,
            usable_bytes=usable_bytes,
            is_cordoned=directory.cordoned,
        )
