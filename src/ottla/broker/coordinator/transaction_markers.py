"""Writes the markers of ended transactions into the partitions that this node leads.

A marker in a partition of `__consumer_offsets` goes through the group coordinator, whose pending offsets it decides.
Kafka's `KafkaApis.handleWriteTxnMarkersRequest`; `ClusterMarkers` has those of other nodes' partitions written.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeAlias

from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC, GroupCoordinator
from ottla.broker.coordinator.marker import Marker
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.coordinator.transaction.metadata import TopicPartition
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Clock

MarkerResults: TypeAlias = dict[TopicPartition, ErrorCode]


class TransactionMarkers:
    def __init__(self, replicas: ReplicaManager, groups: GroupCoordinator, clock: Clock) -> None:
        self._replicas = replicas
        self._groups = groups
        self._clock = clock

    def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> MarkerResults | Awaitable[MarkerResults]:
        """What became of it in each partition: now, if all of them are committed."""
        results: MarkerResults = {}
        waiting: dict[TopicPartition, Awaitable[ErrorCode]] = {}
        for partition in partitions:
            result = self._write(marker, partition)
            if isinstance(result, ErrorCode):
                results[partition] = result
            else:
                waiting[partition] = result
        return _when_committed(results, waiting) if waiting else results

    def _write(self, marker: Marker, partition: TopicPartition) -> ErrorCode | Awaitable[ErrorCode]:
        topic, index = partition
        if self._replicas.find(topic, index) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if marker.producer_id < 0 or marker.producer_epoch < 0:
            return ErrorCode.UNKNOWN_SERVER_ERROR  # as in Kafka; it cannot be said in a batch
        if topic == GROUP_METADATA_TOPIC:
            return self._groups.complete_transaction(index, marker)
        batch = marker.batch(self._clock.now_ms())
        outcome = self._replicas.append_marker(topic, index, batch, marker.transaction_version)
        return outcome.committed or outcome.error


async def _when_committed(results: MarkerResults, waiting: dict[TopicPartition, Awaitable[ErrorCode]]) -> MarkerResults:
    done = await asyncio.gather(*waiting.values())
    results.update(zip(waiting, done, strict=True))
    return results
