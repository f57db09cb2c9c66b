"""Whatever a peer sends, a decoder answers with a message or a ProtocolError, soon and in little memory."""

from __future__ import annotations

import time
import tracemalloc
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.unit.protocol.message_samples import EVERY_VERSION, MESSAGES, name_of, samples

from ottla.protocol.api.create_topics import CreateTopicsRequest
from ottla.protocol.api.fetch import FetchRequest
from ottla.protocol.api.heartbeat import HeartbeatRequest
from ottla.protocol.api.metadata import MetadataRequest
from ottla.protocol.api.offset_fetch import OffsetFetchRequest
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from ottla.protocol.codec import MAX_ELEMENTS, metered_decoder
from ottla.protocol.header import RequestHeader
from ottla.protocol.message import Message, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTHS = tuple(
    bytes.fromhex(text)
    for text in ("ffffffff", "7fffffff", "80000000", "ffff", "7fff", "ffffffff0f", "ffffffff07", "8080808080", "fe7f")
)


def decodes(message: type[Message], version: int, data: bytes) -> bool:
    """Whether it is a message; anything but a ProtocolError passes through."""
    try:
        message.decode(data, version)
    except ProtocolError:
        return False
    return True


@pytest.mark.parametrize(("message", "version"), EVERY_VERSION, ids=name_of)
def test_a_message_that_is_cut_anywhere_is_malformed(message: type[Message], version: int) -> None:
    for value in samples(message, version, 3):
        data = value.encode(version)
        assert decodes(message, version, data)
        for end in range(len(data)) if len(data) < 300 else (*range(150), *range(len(data) - 150, len(data))):
            assert not decodes(message, version, data[:end]), end


def mutations(data: bytes, random: Random) -> Iterator[bytes]:
    """The message with single bytes changed, and with lengths that claim more than there is put anywhere."""
    for _ in range(20):
        at = random.randrange(len(data))
        yield data[:at] + random.randbytes(1) + data[at + 1 :]
        claim = random.choice(LENGTHS)
        yield data[:at] + claim + data[at + len(claim) :]
    yield random.randbytes(len(data))
    yield random.randbytes(500)
    yield b"\xff" * 500
    yield b"\x02" * 500


@pytest.mark.parametrize("message", MESSAGES.values(), ids=name_of)
def test_garbage_costs_little_and_raises_nothing_else(message: type[Message]) -> None:
    random = Random(message.__name__)
    cases = [
        (version, garbage)
        for version in message.versions
        for value in samples(message, version, 1, brief=True)
        for garbage in mutations(value.encode(version) + b"\0", random)
    ]
    for version in message.versions:
        decodes(message, version, b"")  # compiled before anything is measured
    tracemalloc.start()
    try:
        for version, garbage in cases:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            decodes(message, version, garbage)
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < 20_000 + 300 * len(garbage), (version, garbage.hex())
    finally:
        tracemalloc.stop()


def test_a_count_is_compared_with_what_is_left_before_anything_is_allocated() -> None:
    claims = 100_000_000
    request = claims.to_bytes(4) + bytes(1000)
    started = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match=r"MetadataRequest\.topics claims 100000000 elements, but 1000 bytes"):
            MetadataRequest.decode(request, 8)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
    assert time.perf_counter() - started < 10


def test_records_that_claim_more_than_the_frame_are_malformed() -> None:
    partition = PartitionProduceData(index=0, records=b"r" * 10)
    request = ProduceRequest(acks=1, timeout_ms=0, topic_data=[TopicProduceData(name="t", partition_data=[partition])])
    data = request.encode(3)
    assert data.endswith((10).to_bytes(4) + b"r" * 10)
    with pytest.raises(ProtocolError, match="2147483637 bytes are missing"):
        ProduceRequest.decode(data[:-14] + (0x7FFF_FFFF).to_bytes(4) + b"r" * 10, 3)


HEARTBEAT = HeartbeatRequest(group_id="group", generation_id=1, member_id="m").encode(4)
assert HEARTBEAT == b"\x06group\0\0\0\x01\x02m\0\0"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00\0\0\0\x01\x02m\0\0", "group_id is null"),
        (b"\x80\x00\0\0\0\x01\x02m\0\0", "0 in a varint of 2 bytes is no length"),
        (b"\xff\xff\xff\xff\xff\x01", "more than five bytes"),
        (b"\xff\xff\xff\xff\x0f", "no length"),
        (b"\xff\xff\x7f", "the longest has 32767"),
        (b"\x03\xc3\x28\0\0\0\x01\x02m\0\0", "not UTF-8"),
        (b"\x06group\0\0\0\x01\x02m\0\x01\x00\x05ab", "bytes are missing"),
        (b"\x06group\0\0\0\x01\x02m\0\x02\x05\x00\x05\x00", "tag 5 comes after tag 5"),
        (b"\x06group\0\0\0\x01\x02m\0\x02\x05\x00\x04\x00", "tag 4 comes after tag 5"),
        (b"\x06group\0\0\0\x01\x02m\0\xff\xff\xff\xff\x07", "more than 1000 elements"),
    ],
)
def test_malformed_in_flexible_versions(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        HeartbeatRequest.decode(data, 4)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xff\0\0\0\x01\0\x01m", "group_id is null, or its length negative"),
        (b"\x80\x00\0\0\0\x01\0\x01m", "group_id is null, or its length negative"),
        (b"\x7f\xffgroup", "bytes are missing"),
        (b"\x00\x01\xff\0\0\0\x01\0\x01m", "not UTF-8"),
    ],
)
def test_malformed_in_old_versions(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        HeartbeatRequest.decode(data, 0)


def test_a_negative_array_length_is_null_or_malformed() -> None:
    assert MetadataRequest.decode(b"\xff\xff\xff\xff\0\0\0", 8).topics is None
    with pytest.raises(ProtocolError, match="topics is null"):
        CreateTopicsRequest.decode(b"\xff\xff\xff\xff\0\0\0\0\0", 2)


def test_a_tagged_field_must_have_the_size_that_it_claims() -> None:
    data = FetchRequest(max_wait_ms=0, min_bytes=0, topics=[], cluster_id="c").encode(12)
    assert data.endswith(b"\x01\x00\x02\x02c")
    with pytest.raises(ProtocolError, match="cluster_id: the tagged field does not have the size"):
        FetchRequest.decode(data[:-3] + b"\x03\x02c\0", 12)


def test_any_nonzero_byte_is_true() -> None:
    data = CreateTopicsRequest(topics=[]).encode(2)
    assert CreateTopicsRequest.decode(data[:-1] + b"\x05", 2).validate_only is True


def test_a_header_without_client_id_is_malformed() -> None:
    with pytest.raises(ProtocolError, match="ends too early"):
        RequestHeader.decode(b"\0\x12\0\0\0\0\0\x01", 1)


def test_what_a_large_message_makes_is_bounded() -> None:
    decode = metered_decoder(MetadataRequest, 8)
    end = b"\1\0\0"

    def names(count: int) -> memoryview:
        return memoryview(count.to_bytes(4) + bytes(2 * count) + end)

    request, _ = decode(names(MAX_ELEMENTS), 0)
    assert request.topics is not None
    assert len(request.topics) == MAX_ELEMENTS
    with pytest.raises(ProtocolError, match=rf"topics: more than {MAX_ELEMENTS} elements"):
        decode(names(MAX_ELEMENTS + 1), 0)


def test_elements_within_elements_count_together() -> None:
    def offsets(topics: int, partitions: int) -> memoryview:
        each = b"\0\1t" + partitions.to_bytes(4) + bytes(4 * partitions)
        return memoryview(b"\0\1g" + topics.to_bytes(4) + each * topics)

    decode = metered_decoder(OffsetFetchRequest, 1)
    most = MAX_ELEMENTS // 1001
    decode(offsets(most, 1000), 0)
    with pytest.raises(ProtocolError, match="more than"):
        decode(offsets(most + 1, 1000), 0)
