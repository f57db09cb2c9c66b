"""What a coordinator's shell asks of the log: appends to, and reads of, the partitions of one internal topic."""

from typing import Protocol

from ottla.broker.replica.replica_manager import AppendOutcome, ReplicaManager
from ottla.protocol.errors import ErrorCode
from ottla.runtime.files import Buffer


class PartitionLog(Protocol):
    """The partitions of one topic that this node leads."""

    def append(self, index: int, batch: Buffer) -> AppendOutcome:
        """Append one batch as the leader; offsets and leader epoch are assigned there."""
        ...

    def read(self, index: int, offset: int, max_bytes: int) -> bytes | ErrorCode:
        """Whole batches from `offset` (one at least), or empty at the log's end."""
        ...

    def bounds(self, index: int) -> tuple[int, int] | ErrorCode:
        """(log start offset, log end offset)."""
        ...


class ReplicaManagerLog:
    """`PartitionLog` over the replica manager."""

    def __init__(self, replicas: ReplicaManager, topic: str) -> None:
        self._replicas = replicas
        self._topic = topic

    def append(self, index: int, batch: Buffer) -> AppendOutcome:
        return self._replicas.append(self._topic, index, batch)

    def read(self, index: int, offset: int, max_bytes: int) -> bytes | ErrorCode:
        return self._replicas.read(self._topic, index, offset, max_bytes)

    def bounds(self, index: int) -> tuple[int, int] | ErrorCode:
        partition = self._replicas.find(self._topic, index)
        if isinstance(partition, ErrorCode):
            return partition
        return partition.log.log_start_offset, partition.log.log_end_offset
