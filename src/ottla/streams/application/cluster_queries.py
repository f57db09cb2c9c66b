"""What a thread asks of the cluster through the control thread, each in one round trip or a few."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ottla.clients.consumer import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, list_offsets
from ottla.clients.consumer import TopicPartition as ClientTopicPartition
from ottla.clients.offsets import commit_offsets, fetch_offsets
from ottla.clients.records import delete_records
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.streams.application.group_leader import partition_counts
from ottla.streams.errors import StreamsError, TaskMigratedError
from ottla.streams.record import TopicPartition
from ottla.streams.tasks.topic_partition_metadata import OffsetAndMetadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.streams.application.control import ControlThread

_NOT_OURS = (
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.ILLEGAL_GENERATION,
    ErrorCode.FENCED_INSTANCE_ID,
    ErrorCode.FENCED_MEMBER_EPOCH,
    ErrorCode.STALE_MEMBER_EPOCH,
)


class ClusterQueries:
    def __init__(self, control: ControlThread, group_id: str, *, exactly_once: bool) -> None:
        self._control = control
        self._group_id = group_id
        self._exactly_once = exactly_once

    def partition_counts(self) -> dict[str, int]:
        return self._control.call(partition_counts(self._control.client))

    def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        """What the group has committed; under exactly once after the transactions that are still deciding it."""
        wanted = [ClientTopicPartition(*each) for each in partitions]
        if not wanted:
            return {}
        found = self._control.call(
            fetch_offsets(self._control.client, self._group_id, wanted, require_stable=self._exactly_once)
        )
        return {TopicPartition(*where): OffsetAndMetadata(each.offset, each.metadata) for where, each in found.items()}

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], member_id: str, epoch: int) -> bool:
        """False when the group is between two generations: later. Raises `TaskMigratedError`."""
        positions = {ClientTopicPartition(*where): each.offset for where, each in offsets.items()}
        metadata = {ClientTopicPartition(*where): each.metadata for where, each in offsets.items()}
        committing = commit_offsets(
            self._control.client,
            self._group_id,
            positions,
            metadata=metadata,
            member_id=member_id,
            generation_id=epoch,
        )
        try:
            self._control.call(committing)
        except KafkaError as error:
            if error.code is ErrorCode.REBALANCE_IN_PROGRESS:
                return False
            if error.code in _NOT_OURS:
                raise TaskMigratedError(f"the offsets are another member's to commit by now: {error}") from error
            raise StreamsError(f"the offsets cannot be committed: {error}") from error
        return True

    def ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return self._offsets(dict.fromkeys(partitions, LATEST_TIMESTAMP))

    def beginnings(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return self._offsets(dict.fromkeys(partitions, EARLIEST_TIMESTAMP))

    def since(self, partitions: Iterable[TopicPartition], duration_ms: int) -> dict[TopicPartition, int]:
        """Of the first records that are not older than `duration_ms`; the end where there are none."""
        partitions = list(partitions)
        found = self._offsets(dict.fromkeys(partitions, int(time.time() * 1000) - duration_ms))
        if missing := [each for each in partitions if found.get(each, -1) < 0]:
            found |= self.ends(missing)
        return found

    def purge(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Delete the records of repartition topics that were processed; it is no harm if that fails."""
        wanted = {ClientTopicPartition(*where): offset for where, offset in offsets.items()}
        self._control.spawn(delete_records(self._control.client, wanted))

    def _offsets(self, wanted: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
        if not wanted:
            return {}
        asked = {ClientTopicPartition(*where): each for where, each in wanted.items()}
        found = self._control.call(list_offsets(self._control.client, asked))
        return {TopicPartition(*where): each.offset for where, each in found.items()}
