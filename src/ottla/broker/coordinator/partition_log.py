"""What a coordinator's shell asks of the log: appends to, and reads of, the partitions of one internal topic."""

import asyncio
from typing import Protocol

from ottla.broker.replica.replica_manager import AppendOutcome, ReplicaManager
from ottla.protocol.errors import ErrorCode
from ottla.runtime.files import Buffer


class PartitionLog(Protocol):
    """The partitions of one topic that this node leads."""

    def append(self, index: int, batch: Buffer) -> AppendOutcome:
        """Append one batch as the leader; offsets and leader epoch are assigned there."""
        ...

    def append_marker(self, index: int, batch: Buffer, transaction_version: int) -> AppendOutcome:
        """Append the marker that ends a transaction in the partition."""
        ...

    def read(self, index: int, offset: int, max_bytes: int) -> bytes | ErrorCode:
        """Whole batches from `offset` (one at least), or empty at the log's end."""
        ...

    def has_open_transaction(self, index: int, producer_id: int, producer_epoch: int) -> bool:
        """Whether the producer has begun a transaction in the partition."""
        ...

    def bounds(self, index: int) -> tuple[int, int] | ErrorCode:
        """(log start offset, log end offset)."""
        ...

    def high_watermark(self, index: int) -> int:
        """What stands below is committed; -1 where the partition is not here."""
        ...

    def all_committed(self, index: int) -> asyncio.Future[ErrorCode] | None:
        """Done when everything that is appended now is committed, or never will be here; None: it is."""
        ...


class ReplicaManagerLog:
    """`PartitionLog` over the replica manager."""

    def __init__(self, replicas: ReplicaManager, topic: str) -> None:
        self._replicas = replicas
        self._topic = topic

    def append(self, index: int, batch: Buffer) -> AppendOutcome:
        return self._replicas.append(self._topic, index, batch)

    def append_marker(self, index: int, batch: Buffer, transaction_version: int) -> AppendOutcome:
        return self._replicas.append_marker(self._topic, index, batch, transaction_version)

    def read(self, index: int, offset: int, max_bytes: int) -> bytes | ErrorCode:
        return self._replicas.read(self._topic, index, offset, max_bytes)

    def has_open_transaction(self, index: int, producer_id: int, producer_epoch: int) -> bool:
        partition = self._replicas.find(self._topic, index)
        return not isinstance(partition, ErrorCode) and partition.log.producers.has_open_transaction(
            producer_id, producer_epoch
        )

    def bounds(self, index: int) -> tuple[int, int] | ErrorCode:
        partition = self._replicas.find(self._topic, index)
        if isinstance(partition, ErrorCode):
            return partition
        return partition.log.log_start_offset, partition.log.log_end_offset

    def high_watermark(self, index: int) -> int:
        partition = self._replicas.find(self._topic, index)
        return -1 if isinstance(partition, ErrorCode) else partition.log.high_watermark

    def all_committed(self, index: int) -> asyncio.Future[ErrorCode] | None:
        partition = self._replicas.find(self._topic, index)
        return None if isinstance(partition, ErrorCode) else partition.committed(partition.log.log_end_offset)
