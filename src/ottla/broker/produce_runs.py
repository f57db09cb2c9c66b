"""Produce requests that are alike: those of one `recv` for one partition are appended by one write, answered by one.

A producer sends the same bytes again and again around its batches. What they mean is remembered (`ProduceEnvelope`)
once the ordinary way has served a request with them, so that the next ones are neither decoded nor looked up: their
batches are appended, and the answer is a pattern with holes. What is unusual in any way is left to the ordinary way,
which alone knows how to refuse. Not used while every request must be seen by somebody: an authorizer, quotas, SASL.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from ottla.broker.produce_envelope import BEFORE_PREFIX, FLEXIBLE, ProduceEnvelope
from ottla.broker.request_counts import RequestCounts
from ottla.protocol.api_keys import ApiKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.replica.replica_manager import ReplicaManager
    from ottla.broker.request_context import ClientConnection, RequestContext
    from ottla.protocol.api.produce import ProduceRequest
    from ottla.runtime.time import Clock

MAX_RUN_REQUESTS: Final = 256
MAX_ENVELOPES: Final = 4096  # then all are forgotten, and come again if they are needed
MAX_PREFIX_BYTES: Final = 512

TOPIC_IDS_SINCE: Final = 13
NO_ACKS: Final = 0
ALL_ACKS: Final = -1
LEADER_ACKS: Final = 1


class ProduceRuns:
    """The envelopes of a node."""

    def __init__(self, manager: ReplicaManager, clock: Clock) -> None:
        self._manager = manager
        self._clock = clock
        self._envelopes: dict[tuple[int, bytes], ProduceEnvelope] = {}
        self.counts_of: Callable[[ApiKey, int], RequestCounts] = RequestCounts

    def serve(self, frames: deque[memoryview], client: ClientConnection, out: bytearray) -> bool:
        """Serve the first of the frames, and those behind it that are alike. False: the first is left as it is."""
        envelope = client.envelope
        if envelope is None:
            return False
        counts = envelope.counts
        if counts.together >= counts.time_together_at:
            return self._serve_timed(counts, frames, client, out)
        correlation_ids, batches = envelope.records_within(frames, client.run_requests)
        if not batches:
            envelope = self._other_envelope(envelope, frames[0])
            if envelope is None:
                return False
            client.envelope = envelope
            correlation_ids, batches = envelope.records_within(frames, client.run_requests)
            if not batches:
                return False
        partition = envelope.partition
        if not partition.sole_replica or len(partition.replicas) > 1:
            if partition.closed:
                self._envelopes.pop((envelope.kind, envelope.prefix), None)
                client.envelope = None
            return False
        try:
            offsets = partition.append_plain(batches, self._clock.now_ms())
        except OSError as error:
            self._manager.disk_failed(partition, error)
            return False
        served = len(offsets)
        # A batch that is not plain ends a run; short runs then, so that many of them do not cost many long looks.
        client.run_requests = min(2 * client.run_requests, MAX_RUN_REQUESTS) if served == len(batches) else 1
        if served == len(frames):
            frames.clear()
        else:
            for _ in offsets:
                frames.popleft()
        if envelope.acks != NO_ACKS:
            envelope.answer(correlation_ids, offsets, out)
            envelope.counts.together += served
        else:
            envelope.counts.single += served
        return served > 0

    def _serve_timed(
        self, counts: RequestCounts, frames: deque[memoryview], client: ClientConnection, out: bytearray
    ) -> bool:
        assert counts.measure is not None
        timing = counts.measure.begin(counts, frames[0], client, min(len(frames), client.run_requests))
        served = self.serve(frames, client, out)
        if served:
            timing.handled()
            client.timings.append(timing)
        return served

    def _other_envelope(self, last: ProduceEnvelope, frame: memoryview) -> ProduceEnvelope | None:
        """A known one with a prefix as long as that of the last."""
        try:
            kind, _, prefix = last.unpack(frame)[:3]
        except struct.error:
            return None
        return self._envelopes.get((kind, prefix))

    def remember(self, frame: memoryview, context: RequestContext, request: ProduceRequest) -> None:
        """A request that was served the ordinary way: the next ones may be like it."""
        if len(request.topic_data) != 1 or request.transactional_id is not None:
            return
        (topic_data,) = request.topic_data
        if len(topic_data.partition_data) != 1 or not ALL_ACKS <= request.acks <= LEADER_ACKS:
            return
        (data,) = topic_data.partition_data
        if not isinstance(data.records, memoryview) or (
            request.unknown_tagged_fields or topic_data.unknown_tagged_fields or data.unknown_tagged_fields
        ):
            return
        version = context.api_version
        around = BEFORE_PREFIX + (_size_of_length(len(data.records)) + 3 if version in FLEXIBLE else 4)
        prefix = bytes(frame[BEFORE_PREFIX : BEFORE_PREFIX + len(frame) - around - len(data.records)])
        envelope = self._envelopes.get((ApiKey.PRODUCE << 16 | version, prefix))
        if envelope is None:
            envelope = self._make_envelope(version, request, prefix)
            if envelope is None or not envelope.records_within(deque((frame,)), 1)[1]:
                return
            if len(self._envelopes) >= MAX_ENVELOPES:
                self._envelopes.clear()
            self._envelopes[envelope.kind, prefix] = envelope
        context.connection.envelope = envelope

    def _make_envelope(self, version: int, request: ProduceRequest, prefix: bytes) -> ProduceEnvelope | None:
        (topic_data,) = request.topic_data
        manager = self._manager
        by_id = version >= TOPIC_IDS_SINCE
        topic = manager.by_id.get(topic_data.topic_id) if by_id else manager.by_name.get(topic_data.name)
        partition = None if topic is None else topic.partitions.get(topic_data.partition_data[0].index)
        if topic is None or topic.internal or partition is None or len(prefix) > MAX_PREFIX_BYTES:
            return None
        return ProduceEnvelope(version, request, partition, prefix, self.counts_of(ApiKey.PRODUCE, version))


def _size_of_length(size: int) -> int:
    """Of the varint before so many bytes of records."""
    return 1 + sum(size + 1 >= 1 << bits for bits in (7, 14, 21, 28))
