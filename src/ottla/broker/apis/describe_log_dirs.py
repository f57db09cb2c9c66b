"""DescribeLogDirs (35): the log directories of this broker, what lies in them, and how full their disks are.

| version | what changed                        | KIP  |
|---------|-------------------------------------|------|
| 1       | as 0                                | 113  |
| 2       | tagged fields                       | 482  |
| 3       | an error of the whole request       | 784  |
| 4       | total and usable bytes              | 827  |
| 5       | whether a directory is cordoned     | 1066 |

The offset lag of a log is how far its end is behind the high watermark, which it never is where nothing is replicated.
The copy that AlterReplicaLogDirs makes is a future log; its lag is what it has not copied yet. Kafka's
`ReplicaManager.describeLogDirs`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TypeAlias

from ottla.broker.replica.partition import Partition
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.log.log import Log
from ottla.protocol.api.describe_log_dirs import (
    DescribeLogDirsPartition,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)
from ottla.protocol.errors import ErrorCode

Hosted: TypeAlias = dict[str, dict[str, list[DescribeLogDirsPartition]]]


@dataclass(slots=True, frozen=True)
class LogDirectory:
    """A directory of `log.dirs`: its absolute path, and how to ask for (total, usable) bytes, and its state."""

    path: str
    disk_bytes: Callable[[], tuple[int, int]]
    cordoned: Callable[[], bool] = field(default=lambda: False)
    has_failed: Callable[[], bool] = field(default=lambda: False)


class DescribeLogDirsHandler:
    def __init__(self, manager: ReplicaManager, directories: Sequence[LogDirectory]) -> None:
        self._manager = manager
        self._directories = directories

    def __call__(self, context: RequestContext, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse:
        wanted = None
        if request.topics is not None:
            wanted = {(topic.topic, index) for topic in request.topics for index in topic.partitions}
        hosted = self._hosted(wanted)
        return DescribeLogDirsResponse(results=[_describe(it, hosted.get(it.path, {})) for it in self._directories])

    def _hosted(self, wanted: set[tuple[str, int]] | None) -> Hosted:
        """The partitions that are asked for, by directory and topic."""
        hosted: Hosted = {}
        absolute: dict[PurePath, str] = {}
        for topic in self._manager.by_name.values():
            for index, partition in topic.partitions.items():
                if wanted is None or (topic.name, index) in wanted:
                    parent = partition.log.directory.parent
                    path = absolute.get(parent) or absolute.setdefault(parent, str(Path(parent).absolute()))
                    hosted.setdefault(path, {}).setdefault(topic.name, []).append(_describe_log(index, partition.log))
        for (name, index), future in self._manager.future_logs():
            current = self._manager.find(name, index)
            if isinstance(current, Partition) and (wanted is None or (name, index) in wanted):
                lag = max(0, current.log.log_end_offset - future.log_end_offset)
                path = str(Path(future.directory.parent).absolute())
                hosted.setdefault(path, {}).setdefault(name, []).append(_describe_log(index, future, lag))
        return hosted


def _describe(directory: LogDirectory, hosted: dict[str, list[DescribeLogDirsPartition]]) -> DescribeLogDirsResult:
    try:
        total_bytes, usable_bytes = (-1, -1) if directory.has_failed() else directory.disk_bytes()
    except OSError:
        total_bytes = usable_bytes = -1
    if total_bytes < 0:
        return DescribeLogDirsResult(error_code=ErrorCode.KAFKA_STORAGE_ERROR, log_dir=directory.path, topics=[])
    return DescribeLogDirsResult(
        error_code=0,
        log_dir=directory.path,
        topics=[DescribeLogDirsTopic(name=name, partitions=partitions) for name, partitions in hosted.items()],
        total_bytes=total_bytes,
        usable_bytes=usable_bytes,
        is_cordoned=directory.cordoned(),
    )


def _describe_log(index: int, log: Log, future_lag: int | None = None) -> DescribeLogDirsPartition:
    return DescribeLogDirsPartition(
        partition_index=index,
        partition_size=log.size_bytes,
        offset_lag=max(0, log.high_watermark - log.log_end_offset) if future_lag is None else future_lag,
        is_future_key=future_lag is not None,
    )
