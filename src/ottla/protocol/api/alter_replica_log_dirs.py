"""AlterReplicaLogDirs, API 34: versions 1 to 2.

KIP-113 (0), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class AlterReplicaLogDirTopic(Struct):
    name: str
    partitions: list[Int32]


class AlterReplicaLogDir(Struct):
    path: str
    topics: list[AlterReplicaLogDirTopic]


class AlterReplicaLogDirsRequest(Request, api=34, versions="1-2", flexible="2+"):
    """Moves replicas between the log directories of a broker."""

    dirs: list[AlterReplicaLogDir]


class AlterReplicaLogDirPartitionResult(Struct):
    partition_index: Int32
    error_code: Int16


class AlterReplicaLogDirTopicResult(Struct):
    topic_name: str
    partitions: list[AlterReplicaLogDirPartitionResult]


class AlterReplicaLogDirsResponse(Response, api=34, versions="1-2", flexible="2+"):
    """What became of each partition."""

    throttle_time_ms: Int32 = field(default=0)
    results: list[AlterReplicaLogDirTopicResult]
