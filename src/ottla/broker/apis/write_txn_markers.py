"""WriteTxnMarkers (27): append commit or abort markers, for a transaction coordinator or an administrator.

| version | what changed                                              | KIP  |
|---------|-----------------------------------------------------------|------|
| 1       | the oldest that Kafka 4 reads; flexible                   | 98   |
| 2       | the transaction's version, which decides about its epochs | 1228 |

Each marker is answered for each of its partitions. Markers of one producer are answered together.
"""

import asyncio
from collections.abc import Mapping

from ottla.broker.coordinator.marker import Marker
from ottla.broker.coordinator.transaction_coordinator import Eventually
from ottla.broker.coordinator.transaction_markers import TransactionMarkers
from ottla.broker.request_context import RequestContext
from ottla.coordinator.transaction.metadata import TopicPartition
from ottla.protocol.api.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from ottla.protocol.errors import ErrorCode


class WriteTxnMarkersHandler:
    def __init__(self, markers: TransactionMarkers) -> None:
        self._markers = markers

    def __call__(self, context: RequestContext, request: WriteTxnMarkersRequest) -> Eventually[WriteTxnMarkersResponse]:
        results = [self._write(marker) for marker in request.markers]
        done = [result for result in results if isinstance(result, dict)]
        if len(done) == len(results):
            return _response(request, done)
        return _when_done(request, results)

    def _write(self, wanted: WritableTxnMarker) -> Eventually[dict[TopicPartition, ErrorCode]]:
        marker = Marker(
            wanted.producer_id,
            wanted.producer_epoch,
            wanted.coordinator_epoch,
            wanted.transaction_result,
            wanted.transaction_version,
        )
        partitions = [TopicPartition(topic.name, index) for topic in wanted.topics for index in topic.partition_indexes]
        return self._markers.write(marker, partitions)


def _response(
    request: WriteTxnMarkersRequest, results: list[dict[TopicPartition, ErrorCode]]
) -> WriteTxnMarkersResponse:
    by_producer: dict[int, dict[TopicPartition, ErrorCode]] = {}
    for marker, result in zip(request.markers, results, strict=True):
        by_producer.setdefault(marker.producer_id, {}).update(result)
    return WriteTxnMarkersResponse(
        markers=[
            WritableTxnMarkerResult(producer_id=producer_id, topics=_topics(errors))
            for producer_id, errors in by_producer.items()
        ]
    )


def _topics(errors: Mapping[TopicPartition, ErrorCode]) -> list[WritableTxnMarkerTopicResult]:
    by_topic: dict[str, list[WritableTxnMarkerPartitionResult]] = {}
    for (topic, index), error in errors.items():
        result = WritableTxnMarkerPartitionResult(partition_index=index, error_code=error)
        by_topic.setdefault(topic, []).append(result)
    return [WritableTxnMarkerTopicResult(name=name, partitions=partitions) for name, partitions in by_topic.items()]


async def _when_done(
    request: WriteTxnMarkersRequest, results: list[Eventually[dict[TopicPartition, ErrorCode]]]
) -> WriteTxnMarkersResponse:
    done = iter(await asyncio.gather(*(result for result in results if not isinstance(result, dict))))
    return _response(request, [result if isinstance(result, dict) else next(done) for result in results])
