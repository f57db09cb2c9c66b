"""The mirror's own records, byte for byte as MirrorMaker 2 and Kafka Connect write them."""

from __future__ import annotations

import pytest

from ottla.clients.consumer import TopicPartition
from ottla.mirror.checkpoint import Checkpoint
from ottla.mirror.heartbeat import Heartbeat
from ottla.mirror.offset_sync import OffsetSync
from ottla.mirror.source_offset import decode_source_offset, offset_key, offset_value
from ottla.protocol.errors import ProtocolError

ORDERS = TopicPartition("orders", 3)


def test_offset_sync() -> None:
    sync = OffsetSync(ORDERS, 258, 7)
    assert sync.key() == b"\x00\x06orders\x00\x00\x00\x03"
    assert sync.value() == bytes.fromhex("0000000000000102 0000000000000007")
    assert OffsetSync.decode(sync.key(), sync.value()) == sync


def test_checkpoint() -> None:
    checkpoint = Checkpoint("billing", ORDERS, 2, 1, "né")
    assert checkpoint.key() == b"\x00\x07billing\x00\x06orders\x00\x00\x00\x03"
    assert checkpoint.value() == bytes.fromhex("0000 0000000000000002 0000000000000001 0003") + "né".encode()
    assert Checkpoint.decode(checkpoint.key(), checkpoint.value()) == checkpoint


def test_heartbeat() -> None:
    beat = Heartbeat("a", "b", 5)
    assert beat.key() == b"\x00\x01a\x00\x01b"
    assert beat.value() == bytes.fromhex("0000 0000000000000005")
    assert Heartbeat.decode(beat.key(), beat.value()) == beat


def test_source_offset_in_the_order_of_javas_hash_map() -> None:
    key = offset_key("a", ORDERS)
    assert key == b'["MirrorSourceConnector",{"cluster":"a","partition":3,"topic":"orders"}]'
    assert offset_value(41) == b'{"offset":41}'
    assert decode_source_offset("a", key, b'{"offset":41}') == (ORDERS, 42)
    assert decode_source_offset("a", key, None) == (ORDERS, -1)
    assert decode_source_offset("other", key, b'{"offset":41}') is None
    assert decode_source_offset("a", b'["MirrorHeartbeatConnector",{"x":1}]', b"{}") is None


@pytest.mark.parametrize("data", [None, b"", b"\x00", b"\x00\x06ord", b"\xff\xff", b"\x00\x02\xff\xfe\x00\x00\x00\x00"])
def test_what_is_cut_or_malformed_is_a_protocol_error(data: bytes | None) -> None:
    good = OffsetSync(ORDERS, 1, 1)
    with pytest.raises(ProtocolError):
        OffsetSync.decode(data, good.value())
    with pytest.raises(ProtocolError):
        Checkpoint.decode(data, b"")
    with pytest.raises(ProtocolError):
        Heartbeat.decode(data, b"")
    with pytest.raises(ProtocolError):
        decode_source_offset("a", data, b"{}")


@pytest.mark.parametrize("value", [b"{}", b"[]", b'{"offset":1e999}', b'{"offset":null}', b"[" * 100_000, b"\xff"])
def test_a_source_offset_that_is_none(value: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_source_offset("a", offset_key("a", ORDERS), value)


def test_versions_from_the_future_are_refused() -> None:
    beat = Heartbeat("a", "b", 5)
    with pytest.raises(ProtocolError, match="version 1"):
        Heartbeat.decode(beat.key(), b"\x00\x01" + beat.value()[2:])
