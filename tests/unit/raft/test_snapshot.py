"""Snapshots: names, bytes, and what is not taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.protocol.errors import ProtocolError
from ottla.protocol.types import uuid_from_text
from ottla.raft.batches import RaftLogError, read_batches
from ottla.raft.snapshot import MAX_RECORDS_PER_BATCH, read_snapshot, write_snapshot
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet

VOTERS = VoterSet(
    (VoterNode(ReplicaKey(1, uuid_from_text("9Wwc7patTsikuOnLoULLHQ")), {"CONTROLLER": ("127.0.0.1", 19611)}),)
)

# 00000000000000000000-0000000000.checkpoint as `kafka-storage format --standalone` of 4.3.1 wrote it.
OF_KAFKA = bytes.fromhex(
    "00000000000000000000009a0000000002893e7828002000000002000001a208f1b709000001a208f1b709ffffffffffffff"
    "ffffffffffffff000000032a0000000800000003160000000001a208f1b6e000001e00000208000000050a00000001000082"
    "0100000408000000066e00000200000001f56c1cee96ad4ec8a4b8e9cba142cb1d020b434f4e54524f4c4c45520a3132372e"
    "302e302e314c9b00000000010000000000000000000000030000003f0000000002d1cd2eca002000000000000001a208f1b7"
    "14000001a208f1b714ffffffffffffffffffffffffffff000000011a00000008000000040600000000"
)


def test_kafkas_first_snapshot_is_read() -> None:
    snapshot = read_snapshot(OF_KAFKA)
    assert (snapshot.kraft_version, snapshot.voters, snapshot.values) == (1, VOTERS, [])
    assert snapshot.last_contained_timestamp_ms == 0x1A208F1B6E0


def test_kafkas_first_snapshot_is_written() -> None:
    """But for the times, of which Kafka takes one a batch."""
    timestamps = [batch.timestamp_ms for batch in read_batches(OF_KAFKA)]
    pieces: list[bytes] = []
    for timestamp_ms in timestamps:
        batches = list(
            write_snapshot(
                SnapshotId(0, 0),
                (),
                last_contained_timestamp_ms=0x1A208F1B6E0,
                now_ms=timestamp_ms,
                kraft_version=1,
                voters=VOTERS,
            )
        )
        pieces.append(batches[len(pieces)])
    assert b"".join(pieces) == OF_KAFKA


def test_names() -> None:
    assert SnapshotId(275, 4).file_name == "00000000000000000275-0000000004.checkpoint"
    assert SnapshotId.from_file_name("00000000000000000275-0000000004.checkpoint") == SnapshotId(275, 4)
    for other in ("00000000000000000275-0000000004.checkpoint.part", "leader-epoch-checkpoint", "275-4.checkpoint"):
        assert SnapshotId.from_file_name(other) is None


@pytest.mark.parametrize("count", [0, 1, MAX_RECORDS_PER_BATCH, MAX_RECORDS_PER_BATCH + 1])
def test_round_trip(count: int) -> None:
    values = [str(number).encode() for number in range(count)]
    data = b"".join(write_snapshot(SnapshotId(9, 2), values, last_contained_timestamp_ms=5, now_ms=6))
    snapshot = read_snapshot(data)
    assert (snapshot.values, snapshot.last_contained_timestamp_ms, snapshot.voters) == (values, 5, None)
    batches = list(read_batches(data))
    assert [batch.base_offset for batch in batches] == [0, *[b.last_offset + 1 for b in batches[:-1]]]
    assert {batch.epoch for batch in batches} == {2}


@given(st.integers(0, len(OF_KAFKA) - 1))
def test_a_snapshot_that_was_cut_is_none(size: int) -> None:
    with pytest.raises((RaftLogError, ProtocolError)):
        read_snapshot(OF_KAFKA[:size])


@given(position=st.integers(0, len(OF_KAFKA) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_harmless(position: int, bit: int) -> None:
    """The checksum covers all but the head of each batch: offsets and epochs."""
    damaged = bytearray(OF_KAFKA)
    damaged[position] ^= 1 << bit
    try:
        snapshot = read_snapshot(bytes(damaged))
    except (RaftLogError, ProtocolError):
        return
    assert snapshot == read_snapshot(OF_KAFKA)
