"""Produce requests that are alike: those of one `recv` for one partition are appended by one write, answered by one.

A producer sends the same bytes again and again around its batches:

    api key, version | correlation id | client id … acks … topic … partition | records | tags
    └── kind ──────┘                  └── prefix ───────────────────────────┘            └── none

What such bytes mean is remembered (`Envelope`) once the ordinary way has served a request with them, so that the next
ones are neither decoded nor looked up: their batches are appended, and the answer is a pattern with three holes. What
is unusual in any way is left to the ordinary way, which alone knows how to refuse. Not used while every request must be
seen by somebody: an authorizer, client quotas, SASL.
"""

from __future__ import annotations

import struct
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from ottla.protocol.api.produce import (
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.codec import encode_into
from ottla.protocol.record_batch import HEADER_SIZE, CompressionType

if TYPE_CHECKING:
    from ottla.broker.replica.partition import Partition
    from ottla.broker.replica.replica_manager import ReplicaManager
    from ottla.broker.request_context import ClientConnection, RequestContext
    from ottla.runtime.time import Clock

MAX_RUN_REQUESTS: Final = 256
MAX_ENVELOPES: Final = 4096  # then all are forgotten, and come again if they are needed
MAX_PREFIX_BYTES: Final = 512

ZSTD_SINCE: Final = 7
TOPIC_IDS_SINCE: Final = 13
NO_ACKS: Final = 0
ALL_ACKS: Final = -1
LEADER_ACKS: Final = 1
_BEFORE_PREFIX: Final = 8  # API key, version, correlation id
_ATTRIBUTES_AT: Final = 22  # the low byte of the batch header's attributes
_FLEXIBLE = API[ApiKey.PRODUCE].flexible_versions


class Envelope:
    """What stands around the batches of a producer for one partition, and what is answered."""

    __slots__ = (
        "_answered_start",
        "_index",
        "_name",
        "_pack",
        "_texts",
        "_topic_id",
        "acks",
        "flexible",
        "kind",
        "max_attributes",
        "partition",
        "prefix",
        "unpack",
        "version",
    )

    def __init__(self, version: int, request: ProduceRequest, partition: Partition, prefix: bytes) -> None:
        topic = request.topic_data[0]
        self._name, self._topic_id, self._index = topic.name, topic.topic_id, topic.partition_data[0].index
        self.version = version
        self.kind = ApiKey.PRODUCE << 16 | version
        self.prefix = prefix
        self.partition = partition
        self.acks = request.acks
        self.flexible = version in _FLEXIBLE
        self.max_attributes = CompressionType.ZSTD if version >= ZSTD_SINCE else CompressionType.LZ4
        self.unpack = struct.Struct(f">ii{len(prefix)}s" + ("BBB" if self.flexible else "i")).unpack_from
        self._answered_start = -1
        self._pack = struct.Struct("").pack
        self._texts = (b"", b"", b"")

    def records_within(self, frames: deque[memoryview], limit: int) -> tuple[list[int], list[memoryview]]:
        """The correlation ids and the batches of the first frames, as far as they have this envelope."""
        correlation_ids: list[int] = []
        batches: list[memoryview] = []
        unpack, kind, prefix, flexible = self.unpack, self.kind, self.prefix, self.flexible
        max_attributes = self.max_attributes
        after_prefix = _BEFORE_PREFIX + len(prefix)
        try:
            for frame in islice(frames, limit):
                if flexible:
                    its_kind, correlation_id, its_prefix, size, second, third = unpack(frame)
                    start = after_prefix + 1
                    if size > 127:
                        start += 1
                        size += (second << 7) - 128
                        if second > 127:
                            start += 1
                            size += (third << 14) - (128 << 7)
                            if third > 127:
                                break
                    end = start + size - 1
                    if end + 3 != len(frame) or frame[end] or frame[end + 1] or frame[end + 2]:
                        break
                else:
                    its_kind, correlation_id, its_prefix, size = unpack(frame)
                    start = after_prefix + 4
                    end = start + size
                    if end != len(frame):
                        break
                if its_prefix != prefix or its_kind != kind or end - start < HEADER_SIZE:
                    break
                if frame[start + _ATTRIBUTES_AT] > max_attributes:
                    break
                correlation_ids.append(correlation_id)
                batches.append(frame[start:end])
        except struct.error:  # shorter than the envelope
            pass
        return correlation_ids, batches

    def answer(self, correlation_ids: list[int], offsets: list[int], out: bytearray) -> None:
        log_start_offset = self.partition.log.log_start_offset
        if log_start_offset != self._answered_start:
            self._draw_answer(log_start_offset)
        pack = self._pack
        size, middle, rest = self._texts
        for correlation_id, offset in zip(correlation_ids, offsets, strict=False):
            out += pack(size, correlation_id, middle, offset, rest)

    def _draw_answer(self, log_start_offset: int) -> None:
        """The pattern: the base offset is where the answers for 0 and for -1 differ."""
        zeros, ones = (self._encoded(base_offset, log_start_offset) for base_offset in (0, -1))
        at = next(position for position, (zero, one) in enumerate(zip(zeros, ones, strict=True)) if zero != one)
        middle = (b"\0" if self.flexible else b"") + zeros[:at]
        rest = zeros[at + 8 :]
        size = (4 + len(middle) + 8 + len(rest)).to_bytes(4, "big")
        self._texts = size, middle, rest
        self._pack = struct.Struct(f">4si{len(middle)}sq{len(rest)}s").pack
        self._answered_start = log_start_offset

    def _encoded(self, base_offset: int, log_start_offset: int) -> bytes:
        partition = PartitionProduceResponse(
            index=self._index, error_code=0, base_offset=base_offset, log_start_offset=log_start_offset
        )
        topic = TopicProduceResponse(name=self._name, topic_id=self._topic_id, partition_responses=[partition])
        out = bytearray()
        encode_into(ProduceResponse(responses=[topic]), self.version, out, [])
        return bytes(out)


class ProduceRuns:
    """The envelopes of a node."""

    def __init__(self, manager: ReplicaManager, clock: Clock) -> None:
        self._manager = manager
        self._clock = clock
        self._envelopes: dict[tuple[int, bytes], Envelope] = {}

    def serve(self, frames: deque[memoryview], client: ClientConnection, out: bytearray) -> bool:
        """Serve the first of the frames, and those behind it that are alike. False: the first is left as it is."""
        envelope = client.envelope
        if envelope is None:
            return False
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
        for _ in offsets:
            frames.popleft()
        if envelope.acks != NO_ACKS:
            envelope.answer(correlation_ids, offsets, out)
        return served > 0

    def _other_envelope(self, last: Envelope, frame: memoryview) -> Envelope | None:
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
        around = _BEFORE_PREFIX + (_size_of_length(len(data.records)) + 3 if version in _FLEXIBLE else 4)
        prefix = bytes(frame[_BEFORE_PREFIX : _BEFORE_PREFIX + len(frame) - around - len(data.records)])
        envelope = self._envelopes.get((ApiKey.PRODUCE << 16 | version, prefix))
        if envelope is None:
            envelope = self._make_envelope(version, request, prefix)
            if envelope is None or not envelope.records_within(deque((frame,)), 1)[1]:
                return
            if len(self._envelopes) >= MAX_ENVELOPES:
                self._envelopes.clear()
            self._envelopes[envelope.kind, prefix] = envelope
        context.connection.envelope = envelope

    def _make_envelope(self, version: int, request: ProduceRequest, prefix: bytes) -> Envelope | None:
        (topic_data,) = request.topic_data
        manager = self._manager
        by_id = version >= TOPIC_IDS_SINCE
        topic = manager.by_id.get(topic_data.topic_id) if by_id else manager.by_name.get(topic_data.name)
        partition = None if topic is None else topic.partitions.get(topic_data.partition_data[0].index)
        if topic is None or topic.internal or partition is None or len(prefix) > MAX_PREFIX_BYTES:
            return None
        return Envelope(version, request, partition, prefix)


def _size_of_length(size: int) -> int:
    """Of the varint before so many bytes of records."""
    return 1 + sum(size + 1 >= 1 << bits for bits in (7, 14, 21, 28))
