"""Markers of ended transactions, wherever their partitions are led: here by a call, elsewhere by WriteTxnMarkers.

A partition that has no leader now, or whose leader is not to be reached, is answered NOT_LEADER_OR_FOLLOWER: the
transaction coordinator tries it again, and looks for the leader anew. KIP-98, 1228; Kafka's
`TransactionMarkerChannelManager`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, NamedTuple

from ottla.broker.coordinator.broker_batches import BrokerBatches, PeersById, ask
from ottla.broker.coordinator.marker import Marker
from ottla.broker.coordinator.transaction_markers import MarkerResults, TransactionMarkers
from ottla.broker.peer.connection import PeerError
from ottla.coordinator.transaction.metadata import TopicPartition
from ottla.metadata.image import MetadataImage
from ottla.metadata.partition import NO_LEADER
from ottla.protocol.api.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from ottla.protocol.errors import ErrorCode, error_code

_FINAL: Final = frozenset((ErrorCode.NONE, ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED))
"""What another broker says of a marker, and means for good; all else is tried again."""


class _Wanted(NamedTuple):
    marker: Marker
    partitions: list[TopicPartition]
    done: "asyncio.Future[MarkerResults]"

    def give_up(self) -> None:
        if not self.done.done():
            self.done.set_result(dict.fromkeys(self.partitions, ErrorCode.NOT_LEADER_OR_FOLLOWER))


class ClusterMarkers:
    """As `TransactionMarkers`, for the partitions of all brokers."""

    def __init__(
        self,
        local: TransactionMarkers,
        peers: PeersById,
        image: Callable[[], MetadataImage],
        *,
        node_id: int,
        timeout_ms: float,
    ) -> None:
        self._local = local
        self._peers = peers
        self._image = image
        self._node_id = node_id
        self._timeout_ms = timeout_ms
        self._batches: BrokerBatches[_Wanted] = BrokerBatches(self._send, _Wanted.give_up)

    def close(self) -> None:
        self._batches.close()

    def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> MarkerResults | Awaitable[MarkerResults]:
        """What became of it in each partition: now, if all of them are led here, and committed."""
        by_leader: dict[int, list[TopicPartition]] = {}
        for partition in partitions:
            by_leader.setdefault(self._leader(partition), []).append(partition)
        here = self._local.write(marker, by_leader.pop(self._node_id, []))
        if not by_leader:
            return here
        results: MarkerResults = dict.fromkeys(by_leader.pop(NO_LEADER, []), ErrorCode.NOT_LEADER_OR_FOLLOWER)
        waiting = []
        for node_id, theirs in by_leader.items():
            wanted = _Wanted(marker, theirs, asyncio.get_running_loop().create_future())
            if self._batches.add(node_id, wanted):
                waiting.append(wanted.done)
            else:
                results.update(dict.fromkeys(theirs, ErrorCode.NOT_LEADER_OR_FOLLOWER))
        return _all_of(results, here, waiting)

    def _leader(self, partition: TopicPartition) -> int:
        return self._image().topics.leader_of(partition.topic, partition.partition)

    async def _send(self, node_id: int, batch: list[_Wanted]) -> None:
        request = WriteTxnMarkersRequest(markers=[_written(wanted) for wanted in batch])
        told: dict[tuple[int, str, int], ErrorCode] = {}
        try:
            answer = await ask(self._peers, node_id, request, WriteTxnMarkersResponse, self._timeout_ms)
        except PeerError:
            pass
        else:
            for marker in answer.markers:
                for topic in marker.topics:
                    for one in topic.partitions:
                        told[marker.producer_id, topic.name, one.partition_index] = error_code(one.error_code)
        for wanted in batch:
            results: MarkerResults = {}
            for partition in wanted.partitions:
                error = told.get((wanted.marker.producer_id, *partition), ErrorCode.NOT_LEADER_OR_FOLLOWER)
                results[partition] = error if error in _FINAL else ErrorCode.NOT_LEADER_OR_FOLLOWER
            if not wanted.done.done():
                wanted.done.set_result(results)


def _written(wanted: _Wanted) -> WritableTxnMarker:
    by_topic: dict[str, list[int]] = {}
    for topic, index in wanted.partitions:
        by_topic.setdefault(topic, []).append(index)
    marker = wanted.marker
    return WritableTxnMarker(
        producer_id=marker.producer_id,
        producer_epoch=marker.producer_epoch,
        transaction_result=marker.commit,
        topics=[WritableTxnMarkerTopic(name=name, partition_indexes=indexes) for name, indexes in by_topic.items()],
        coordinator_epoch=marker.coordinator_epoch,
        transaction_version=marker.transaction_version,
    )


async def _all_of(
    results: MarkerResults, here: MarkerResults | Awaitable[MarkerResults], waiting: Sequence[Awaitable[MarkerResults]]
) -> MarkerResults:
    results.update(here if isinstance(here, dict) else await here)
    for theirs in await asyncio.gather(*waiting):
        results.update(theirs)
    return results
