"""The table of APIs, headers, record frames, and the code that is shown to people."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.unit.protocol.message_samples import MESSAGES, samples

from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.coordinator_record.frame import (
    GROUP_RECORDS,
    SHARE_RECORDS,
    TRANSACTION_RECORDS,
    UnknownRecordTypeError,
    decode_key,
    decode_value,
    encode_key,
    encode_value,
)
from ottla.protocol.coordinator_record.offset_commit import OffsetCommitKey, OffsetCommitValue
from ottla.protocol.header import RequestHeader, request_header_version, response_header_version
from ottla.protocol.message import CoordinatorKey, CoordinatorValue, MetadataRecord, ProtocolError
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.frame import RECORD_TYPES, decode_metadata_record, encode_metadata_record
from ottla.protocol.show import show

REMOVED = {ApiKey.LEADER_AND_ISR, ApiKey.STOP_REPLICA, ApiKey.UPDATE_METADATA, ApiKey.CONTROLLED_SHUTDOWN}


def test_every_key_but_the_removed_ones_is_an_api() -> None:
    assert [int(key) for key in ApiKey] == list(range(93))
    assert set(API) == set(ApiKey) - REMOVED


@pytest.mark.parametrize("key", API)
def test_the_table_agrees_with_the_messages(key: ApiKey) -> None:
    api = API[key]
    for message in (api.request, api.response):
        assert message.api_key == api.key == key
        assert message.versions == api.versions
        assert message.flexible_versions == api.flexible_versions
    assert api.request.__name__ == f"{api.name}Request"
    assert api.listeners <= {"broker", "controller"}


def test_one_version_is_unstable() -> None:
    unstable = {key: api.versions.latest for key, api in API.items() if api.stable_versions != api.versions}
    assert unstable == {ApiKey.INIT_PRODUCER_ID: 6}
    assert API[ApiKey.INIT_PRODUCER_ID].stable_versions.latest == 5


def test_importing_the_table_imports_no_message() -> None:
    code = "import sys, ottla.protocol.api_keys as k; k.API[k.ApiKey.FETCH]; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "ottla.protocol.api_keys" in modules
    assert not [module for module in modules if module.startswith("ottla.protocol.api.")]


@pytest.mark.parametrize(
    ("key", "version", "request_header", "response_header"),
    [
        (ApiKey.PRODUCE, 8, 1, 0),
        (ApiKey.PRODUCE, 9, 2, 1),
        (ApiKey.API_VERSIONS, 2, 1, 0),
        (ApiKey.API_VERSIONS, 3, 2, 0),
        (ApiKey.SASL_HANDSHAKE, 1, 1, 0),
        (ApiKey.VOTE, 0, 2, 1),
    ],
)
def test_which_headers_stand_before_a_message(
    key: ApiKey, version: int, request_header: int, response_header: int
) -> None:
    assert request_header_version(key, version) == request_header
    assert response_header_version(key, version) == response_header


def test_the_client_id_of_a_header_is_never_compact() -> None:
    header = RequestHeader(request_api_key=18, request_api_version=3, correlation_id=7, client_id="me")
    assert header.encode(2) == b"\0\x12\0\3\0\0\0\7\0\2me\0"
    assert header.encode(1) == header.encode(2)[:-1]


# Records


def test_every_metadata_record_is_framed() -> None:
    declared = {m.record_type: m for m in MESSAGES.values() if issubclass(m, MetadataRecord)}
    assert {kind: message.__name__ for kind, message in declared.items()} == RECORD_TYPES
    for message in declared.values():
        for version in message.versions:
            for record in samples(message, version, 1):
                assert isinstance(record, MetadataRecord)
                assert decode_metadata_record(encode_metadata_record(record, version)) == (record, version)


def test_a_metadata_record_as_kafka_writes_it() -> None:
    record = FeatureLevelRecord(name="kraft.version", feature_level=1)
    assert encode_metadata_record(record, 0) == b"\x01\x0c\x00\x0ekraft.version\x00\x01\x00"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a varint is cut"),
        (b"\x01\x80", "a varint is cut"),
        (b"\x00\x0c\x00", "frame version 0"),
        (b"\x02\x0c\x00", "frame version 2"),
        (b"\x01\x06\x00", "record type 6 is not known"),
        (b"\x01\x0c\x01", "has versions 0, not 1"),
        (b"\x01\x0c\x00\x02a\x00\x01", "ends too early"),
        (b"\x01\x0c\x00\x02a\x00\x01\x00!", "1 bytes stand behind a FeatureLevelRecord"),
    ],
)
def test_malformed_metadata_records(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        decode_metadata_record(data)


@pytest.mark.parametrize("types", [GROUP_RECORDS, TRANSACTION_RECORDS, SHARE_RECORDS])
def test_every_coordinator_record_is_framed(types: dict[int, str]) -> None:
    for kind, name in types.items():
        key_class, value_class = MESSAGES[f"{name}Key"], MESSAGES[f"{name}Value"]
        assert issubclass(key_class, CoordinatorKey)
        assert issubclass(value_class, CoordinatorValue)
        assert key_class.record_type == value_class.record_type == kind
        for key in samples(key_class, 0, 1):
            assert isinstance(key, CoordinatorKey)
            assert decode_key(encode_key(key), types) == key
            for version in value_class.versions:
                for value in samples(value_class, version, 1):
                    assert isinstance(value, CoordinatorValue)
                    data = encode_value(value, version)
                    assert data is not None
                    assert decode_value(key, data) == (value, version)


def test_every_coordinator_record_is_in_a_table() -> None:
    framed = {
        f"{n}{part}"
        for t in (GROUP_RECORDS, TRANSACTION_RECORDS, SHARE_RECORDS)
        for n in t.values()
        for part in ("Key", "Value")
    }
    assert framed == {name for name, m in MESSAGES.items() if issubclass(m, CoordinatorKey | CoordinatorValue)}


def test_a_committed_offset_as_kafka_writes_it() -> None:
    key = OffsetCommitKey(group="g", topic="t", partition=3)
    assert encode_key(key) == b"\0\1\0\1g\0\1t\0\0\0\3"
    value = OffsetCommitValue(offset=5, leader_epoch=2, metadata="m", commit_timestamp=9)
    assert encode_value(value, 3) == b"\0\3" + bytes(7) + b"\5\0\0\0\2\0\1m" + bytes(7) + b"\x09"
    assert encode_value(None, 3) is None


def test_malformed_coordinator_records() -> None:
    with pytest.raises(UnknownRecordTypeError, match="type 99"):
        decode_key(b"\0\x63\0\1g", GROUP_RECORDS)
    for data in (b"", b"\0", b"\0\1", b"\0\1\0\1g\0\1t\0\0\0"):
        with pytest.raises(ProtocolError):
            decode_key(data, GROUP_RECORDS)
    for data in (b"", b"\0\5", b"\xff\xff", b"\0\1\0"):
        with pytest.raises(ProtocolError):
            decode_value(OffsetCommitKey(group="g", topic="t", partition=0), data)


# What people see


def test_show_prints_both_directions_of_an_api() -> None:
    shown = show("Heartbeat", 3)
    assert shown.count("def decode(data, o):") == shown.count("def encode(m0, out, regions):") == 2
    assert "# HeartbeatRequest, version 3" in shown
    assert show("TopicRecord", 0).count("def decode") == 1
    with pytest.raises(LookupError, match="did you mean HeartbeatRequest"):
        show("heartbeatr", 3)
    with pytest.raises(LookupError, match="has versions 0-4, not 9"):
        show("Heartbeat", 9)
