"""Message classes: constructors, defaults, equality, versions, unknown tags, and what cannot be said."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import pytest
from tests.unit.protocol.message_samples import MESSAGES, name_of, samples

from ottla.protocol.api.create_topics import CreateTopicsRequest
from ottla.protocol.api.fetch import FetchableTopicResponse, FetchRequest, FetchResponse, PartitionData, ReplicaState
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.join_group import JoinGroupRequest
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from ottla.protocol.codec import decoder, encode_into
from ottla.protocol.message import REPR_CHARACTERS, Message, ProtocolError, UnsupportedVersionError, type_name
from ottla.protocol.types import ZERO_UUID, Region, uuid_from_text, uuid_text
from ottla.protocol.versions import Versions


@dataclass(frozen=True)
class FakeRegion:
    """Bytes in a file that is not there."""

    size: int


def heartbeat(**values: Any) -> HeartbeatRequest:
    usual: dict[str, Any] = {"group_id": "g", "generation_id": 7, "member_id": "m"}
    return HeartbeatRequest(**usual | values)


# Constructors and values


def test_what_is_not_given_has_kafkas_default() -> None:
    request = FetchRequest(max_wait_ms=500, min_bytes=1, topics=[])
    assert request.replica_id == -1
    assert request.max_bytes == 0x7FFF_FFFF
    assert request.cluster_id is None
    assert request.replica_state == ReplicaState(replica_id=-1, replica_epoch=-1)
    assert request.unknown_tagged_fields == ()


def test_arguments_have_names_and_fields_cannot_be_invented() -> None:
    with pytest.raises(TypeError):
        HeartbeatRequest("g")  # type: ignore[call-arg,arg-type]
    with pytest.raises(TypeError):
        HeartbeatRequest(group="g")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        heartbeat().group = "g"  # type: ignore[attr-defined]


@pytest.mark.parametrize("message", MESSAGES.values(), ids=name_of)
def test_no_two_messages_share_what_can_change(message: type[Message]) -> None:
    one, other = message(), message()
    for item in message.schema:
        value = getattr(one, item.name)
        if not isinstance(value, int | str | bytes | float | bool | None):
            assert value is not getattr(other, item.name), item.name
    for version in message.versions:
        read, again = (message.decode(one.encode(version), version) for _ in range(2))
        for item in message.schema:
            value = getattr(read, item.name)
            if not isinstance(value, int | str | bytes | float | bool | None):
                assert value is not getattr(again, item.name), item.name


def test_messages_compare_by_value_and_type() -> None:
    assert heartbeat() == heartbeat()
    assert heartbeat() != heartbeat(generation_id=8)
    assert heartbeat() != heartbeat(unknown_tagged_fields=((5, b""),))
    assert HeartbeatResponse(error_code=0) != heartbeat()
    with pytest.raises(TypeError):
        hash(heartbeat())


def test_messages_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(heartbeat())) == heartbeat()


def test_repr_is_readable_and_bounded() -> None:
    assert repr(heartbeat()) == "HeartbeatRequest(group_id='g', generation_id=7, member_id='m', group_instance_id=None)"
    partitions = [PartitionProduceData(index=i, records=bytes(100_000)) for i in range(10_000)]
    big = ProduceRequest(
        acks=1, timeout_ms=1, topic_data=[TopicProduceData(name="t" * 100_000, partition_data=partitions)]
    )
    assert "<100000 bytes>" in repr(big.topic_data[0].partition_data)
    assert "10000 in all" in repr(big)
    assert len(repr(big)) < REPR_CHARACTERS


# Schemas


def test_schema_tells_fields_in_the_order_of_the_wire() -> None:
    assert [(f.name, type_name(f.type), str(f.versions)) for f in HeartbeatRequest.schema] == [
        ("group_id", "string", "0+"),
        ("generation_id", "int32", "0+"),
        ("member_id", "string", "0+"),
        ("group_instance_id", "string", "3+"),
    ]
    assert HeartbeatRequest.api_key == 12
    assert HeartbeatRequest.versions == Versions(0, 4)
    assert [HeartbeatRequest.flexible(version) for version in HeartbeatRequest.versions] == [False] * 4 + [True]


@pytest.mark.parametrize("message", MESSAGES.values(), ids=name_of)
def test_tags_differ_and_only_stand_in_flexible_versions(message: type[Message]) -> None:
    for version in message.versions:
        tags = [item.tag for item in message.schema if version in item.tagged]
        assert len(set(tags)) == len(tags)
        assert not tags or message.flexible(version)


@pytest.mark.parametrize(
    ("text", "versions"), [("0-4", Versions(0, 4)), ("3", Versions(3, 3)), ("2+", Versions(2, 32767))]
)
def test_versions_are_read_and_written(text: str, versions: Versions) -> None:
    assert Versions.parse(text) == versions
    assert str(versions) == text
    assert versions.oldest in versions
    assert versions.oldest - 1 not in versions
    assert not Versions.parse("none")


# Versions: what cannot be said


def test_a_version_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnsupportedVersionError, match="HeartbeatRequest has versions 0-4, not 5"):
        heartbeat().encode(5)
    with pytest.raises(UnsupportedVersionError):
        HeartbeatRequest.decode(b"", 5)


def test_a_field_that_is_not_in_the_version_must_have_its_default_or_be_ignorable() -> None:
    with pytest.raises(UnsupportedVersionError, match=r"HeartbeatRequest\.group_instance_id .* version 2"):
        heartbeat(group_instance_id="i").encode(2)
    assert heartbeat(group_instance_id=None).encode(2) == b"\0\1g\0\0\0\7\0\1m"
    ignored = JoinGroupRequest(
        group_id="g", session_timeout_ms=1, rebalance_timeout_ms=9, member_id="", protocol_type="c", protocols=[]
    )
    assert JoinGroupRequest.decode(ignored.encode(0), 0).rebalance_timeout_ms == -1


def test_unknown_tagged_fields_are_kept_and_written_by_tag() -> None:
    request = heartbeat(unknown_tagged_fields=((9, b"nine"), (300, b"")))
    data = request.encode(4)
    assert data.endswith(b"\x02" + b"\x09\x04nine" + b"\xac\x02\x00")
    assert HeartbeatRequest.decode(data, 4) == request
    assert heartbeat(unknown_tagged_fields=((300, b""), (9, b"nine"))).encode(4) == data
    with pytest.raises(UnsupportedVersionError, match="unknown_tagged_fields"):
        request.encode(3)
    with pytest.raises(ProtocolError, match="tag 9 stands twice"):
        heartbeat(unknown_tagged_fields=((9, b""), (9, b"x"))).encode(4)


def test_known_and_unknown_tagged_fields_are_sorted_together() -> None:
    request = FetchRequest(
        max_wait_ms=0, min_bytes=0, topics=[], replica_state=ReplicaState(replica_id=1), cluster_id="c"
    )
    request.unknown_tagged_fields = ((7, b"x"),)
    data = request.encode(15)
    assert data.endswith(b"\x03" + b"\x00\x02\x02c" + b"\x01\x0d\0\0\0\1" + b"\xff" * 8 + b"\0" + b"\x07\x01x")
    assert FetchRequest.decode(data, 15) == request


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (heartbeat(group_id=None), "group_id must not be None"),
        (heartbeat(generation_id=1 << 31), "generation_id is 2147483648, which is no int32"),
        (heartbeat(generation_id="1"), "generation_id is '1', which is no int32"),
        (heartbeat(group_id=b"g"), "group_id must be string, not bytes"),
        (heartbeat(group_id="x" * 32768), "group_id is a string of more than 32767 bytes"),
        (heartbeat(member_id="\ud800"), "surrogates"),
        (MetadataRequest(topics=[MetadataRequestTopic(topic_id=b"short", name="t")]), "a UUID has 16 bytes"),
        (MetadataRequest(topics=[MetadataRequestTopic(name=7)]), r"topics\[0\]\.name must be string, not int"),  # type: ignore[arg-type]
        (CreateTopicsRequest(topics=None), "topics must not be None"),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_does_not_fit_is_named(request_: Message, reason: str) -> None:
    out, regions = bytearray(b"before"), list[tuple[int, Region]]()
    with pytest.raises(ProtocolError, match=reason):
        encode_into(request_, request_.versions.latest, out, regions)
    assert bytes(out) == b"before"
    assert not regions


# Records


def test_records_are_views_of_the_frame() -> None:
    partition = PartitionProduceData(index=1, records=b"batch")
    request = ProduceRequest(acks=1, timeout_ms=1, topic_data=[TopicProduceData(name="t", partition_data=[partition])])
    frame = bytearray(request.encode(9))
    records = ProduceRequest.decode(memoryview(frame), 9).topic_data[0].partition_data[0].records
    assert isinstance(records, memoryview)
    assert bytes(records) == b"batch"
    frame[frame.index(b"batch")] = ord("c")
    assert bytes(records) == b"catch"


@pytest.mark.parametrize("version", [4, 12])
@pytest.mark.parametrize("size", [10, 200])
def test_records_in_a_file_are_left_out_and_noted(version: int, size: int) -> None:
    def response(records: Any) -> FetchResponse:
        partition = PartitionData(
            partition_index=0, error_code=0, high_watermark=1, aborted_transactions=[], records=records
        )
        return FetchResponse(responses=[FetchableTopicResponse(topic="t", partitions=[partition])])

    region = FakeRegion(size)
    out, regions = bytearray(b"head"), list[tuple[int, Region]]()
    encode_into(response(region), version, out, regions)
    ((position, noted),) = regions
    assert noted is region
    whole = bytes(out[4:position]) + b"r" * size + bytes(out[position:])
    assert whole == response(b"r" * size).encode(version)
    with pytest.raises(ProtocolError, match="records are in a file"):
        response(region).encode(version)
    encode_into(response(FakeRegion(0)), version, out, regions)
    assert len(regions) == 1


# Codec


def test_decoding_begins_at_the_offset_and_tells_the_end() -> None:
    data = b"head" + heartbeat().encode(4) + b"tail"
    assert HeartbeatRequest.decode(data, 4, 4) == heartbeat()
    message, end = decoder(HeartbeatRequest, 4)(memoryview(data), 4)
    assert message == heartbeat()
    assert data[end:] == b"tail"


def test_tracebacks_show_the_source_of_a_codec() -> None:
    with pytest.raises(ProtocolError) as caught:
        HeartbeatRequest.decode(b"\x00", 4)
    assert 'raise is_null("HeartbeatRequest.group_id")'.replace('"', "'") in str(caught.traceback[-1].statement)


def test_every_version_is_compiled_once() -> None:
    assert decoder(HeartbeatRequest, 1) is decoder(HeartbeatRequest, 1)
    assert decoder(HeartbeatRequest, 1) is not decoder(HeartbeatRequest, 2)


def test_samples_are_the_same_in_every_run() -> None:
    first, second = (list(samples(FetchResponse, 12, 3)) for _ in range(2))
    assert first == second
    assert len({value.encode(12) for value in first}) == 4


def test_uuids_have_kafkas_text() -> None:
    assert uuid_text(ZERO_UUID) == "AAAAAAAAAAAAAAAAAAAAAA"
    assert uuid_text(bytes([0xFB, 0xFF] * 8)) == "-__7__v_-__7__v_-__7_w"
    assert uuid_from_text("-__7__v_-__7__v_-__7_w") == bytes([0xFB, 0xFF] * 8)
    for wrong in ("", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "+//7//v/+//7//v/+//7/w", "ä" * 22):
        with pytest.raises(ValueError, match="UUID"):
            uuid_from_text(wrong)
