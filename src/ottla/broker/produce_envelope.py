"""What stands around the batches of a producer for one partition: the same bytes in every request of its.

    api key, version | correlation id | client id … acks … topic … partition | records | tags
    └── kind ──────┘                  └── prefix ───────────────────────────┘            └── none

The answer to such a request is a pattern with holes for its correlation id and its base offset.
"""

from __future__ import annotations

import struct
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
    from collections import deque

    from ottla.broker.replica.partition import Partition
    from ottla.broker.request_counts import RequestCounts
    from ottla.log.plain_batches import SentBatch

ZSTD_SINCE: Final = 7
BEFORE_PREFIX: Final = 8  # API key, version, correlation id
FLEXIBLE: Final = API[ApiKey.PRODUCE].flexible_versions
_ATTRIBUTES_AT: Final = 22  # the low byte of the batch header's attributes


class ProduceEnvelope:
    """See the module. It holds for one version of Produce."""

    __slots__ = (
        "_answered_start",
        "_index",
        "_name",
        "_pack",
        "_texts",
        "_topic_id",
        "acks",
        "counts",
        "flexible",
        "kind",
        "max_attributes",
        "partition",
        "prefix",
        "unpack",
        "version",
    )

    def __init__(
        self, version: int, request: ProduceRequest, partition: Partition, prefix: bytes, counts: RequestCounts
    ) -> None:
        topic = request.topic_data[0]
        self._name, self._topic_id, self._index = topic.name, topic.topic_id, topic.partition_data[0].index
        self.version = version
        self.counts = counts
        self.kind = ApiKey.PRODUCE << 16 | version
        self.prefix = prefix
        self.partition = partition
        self.acks = request.acks
        self.flexible = version in FLEXIBLE
        self.max_attributes = CompressionType.ZSTD if version >= ZSTD_SINCE else CompressionType.LZ4
        self.unpack = struct.Struct(f">ii{len(prefix)}s" + ("BBB" if self.flexible else "i")).unpack_from
        self._answered_start = -1
        self._pack = struct.Struct("").pack
        self._texts = (b"", b"", b"")

    def records_within(self, frames: deque[memoryview], limit: int) -> tuple[list[int], list[SentBatch]]:
        """The correlation ids and the batches of the first frames, as far as they have this envelope."""
        correlation_ids: list[int] = []
        batches: list[SentBatch] = []
        unpack, kind, prefix, flexible = self.unpack, self.kind, self.prefix, self.flexible
        max_attributes = self.max_attributes
        after_prefix = BEFORE_PREFIX + len(prefix)
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
                batches.append((frame, start, end))
        except struct.error:  # shorter than the envelope
            pass
        return correlation_ids, batches

    def answer(self, correlation_ids: list[int], offsets: list[int], out: bytearray) -> None:
        log_start_offset = self.partition.log.log_start_offset
        if log_start_offset != self._answered_start:
            self._draw_answer(log_start_offset)
        pack = self._pack
        size, middle, rest = self._texts
        out += b"".join(
            [pack(size, each, middle, offset, rest) for each, offset in zip(correlation_ids, offsets, strict=False)]
        )

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
