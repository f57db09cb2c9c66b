"""Idempotent producers: sequences, duplicates, epochs, snapshots (KIP-98, KIP-360)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import NOW_MS, append, batch, open_log

from ottla.log.append_result import AppendOrigin, AppendResult
from ottla.log.config import LogConfig
from ottla.log.producer_snapshot import CorruptSnapshotError, decode_snapshot, encode_snapshot
from ottla.log.producer_state import ProducerStates
from ottla.protocol.control_batch import end_transaction_batch
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.log.log import Log

LAST_SEQUENCE = 2**31 - 1


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk(1)


@pytest.fixture
def log(disk: SimulatedDisk) -> Log:
    return open_log(disk)


def send(log: Log, sequence: int, count: int = 1, *, epoch: int = 0, now_ms: int = NOW_MS) -> AppendResult:
    records = batch(count, producer_id=7, epoch=epoch, sequence=sequence, timestamp_ms=now_ms)
    return log.append(records, leader_epoch=0, now_ms=now_ms)


def test_sequences_follow_each_other(log: Log) -> None:
    assert [send(log, 0, 3).base_offset, send(log, 3).base_offset] == [0, 3]
    gap = send(log, 5)
    assert gap.error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert log.log_end_offset == 4
    assert send(log, 4).base_offset == 4


def test_the_last_five_batches_are_known_again(log: Log) -> None:
    sent = [send(log, 2 * index, 2) for index in range(7)]
    for index in range(2, 7):
        again = send(log, 2 * index, 2)
        assert (again.error, again.duplicate) == (ErrorCode.NONE, True)
        assert (again.base_offset, again.last_offset) == (sent[index].base_offset, sent[index].last_offset)
        assert again.log_append_time_ms == NOW_MS
    assert send(log, 2, 2).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(log, 12, 1).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER  # begins like the last, is shorter
    assert log.log_end_offset == 14


def test_sequences_wrap(log: Log) -> None:
    send(log, LAST_SEQUENCE - 1, 2)  # a producer that is not known may begin anywhere
    assert send(log, 0).base_offset == 2
    assert send(log, LAST_SEQUENCE - 1, 2).duplicate
    inside = send(log, 1, 1)
    assert inside.base_offset == 3
    other = open_log(SimulatedDisk(2))
    send(other, LAST_SEQUENCE, 3)  # LAST, 0, 1
    assert send(other, LAST_SEQUENCE, 3).duplicate
    assert send(other, 2).base_offset == 3


def test_epochs(log: Log) -> None:
    send(log, 0)
    assert send(log, 5, epoch=1).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(log, 0, epoch=1).base_offset == 1
    assert send(log, 1, epoch=0).error is ErrorCode.INVALID_PRODUCER_EPOCH
    assert send(log, 0, epoch=0).error is ErrorCode.INVALID_PRODUCER_EPOCH
    assert send(log, 0, epoch=1).duplicate


def test_expired_producers_may_begin_anywhere(log: Log) -> None:
    send(log, 0)
    log.remove_expired_producers(NOW_MS + log.config.producer_id_expiration_ms - 1)
    assert send(log, 9).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    log.remove_expired_producers(NOW_MS + log.config.producer_id_expiration_ms)
    assert send(log, 9).error is ErrorCode.NONE


@pytest.mark.parametrize("clean", [True, False])
def test_producers_are_known_after_a_restart(disk: SimulatedDisk, log: Log, clean: bool) -> None:
    send(log, 0, 2)
    log.roll(NOW_MS)
    send(log, 2, 2)
    if clean:
        log.close()
    else:
        disk.crash(power=False)
    log = open_log(disk, clean=clean)
    assert send(log, 2, 2).duplicate
    assert send(log, 5).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(log, 4).base_offset == 4


def test_batches_before_the_last_are_known_after_a_clean_restart(disk: SimulatedDisk, log: Log) -> None:
    """A snapshot keeps the last batch alone; a client may have five unanswered when its broker stops."""
    sent = []
    for index in range(7):
        sent.append(send(log, 2 * index, 2))
        if index in (2, 4):
            log.roll(NOW_MS)
    log.close()
    log = open_log(disk, clean=True)
    for index in range(2, 7):
        again = send(log, 2 * index, 2)
        assert (again.error, again.duplicate) == (ErrorCode.NONE, True)
        assert (again.base_offset, again.last_offset) == (sent[index].base_offset, sent[index].last_offset)
    assert send(log, 2, 2).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(log, 16).error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(log, 14).base_offset == 14


def test_a_corrupt_snapshot_is_no_reason_to_forget(disk: SimulatedDisk, log: Log) -> None:
    send(log, 0, 2)
    log.close()
    name = next(name for name in disk.list(log.directory) if name.endswith(".snapshot"))
    disk.open(log.directory / name).truncate(12)
    log = open_log(disk)
    assert send(log, 0, 2).duplicate


def test_a_transaction_holds_the_last_stable_offset(log: Log) -> None:
    append(log, batch(2))
    append(log, batch(3, producer_id=8, transactional=True))
    append(log, batch(1))
    log.high_watermark = 6
    assert log.last_stable_offset == 2
    marker = end_transaction_batch(
        commit=False, producer_id=8, producer_epoch=0, coordinator_epoch=2, timestamp_ms=NOW_MS
    )
    append(log, bytes(marker), origin=AppendOrigin.COORDINATOR)
    assert log.last_stable_offset == 2  # the marker is not committed yet
    log.high_watermark = 7
    assert log.last_stable_offset == 7
    assert [(t.producer_id, t.first_offset) for t in log.aborted_transactions(0, 7)] == [(8, 2)]
    fenced = end_transaction_batch(
        commit=True, producer_id=8, producer_epoch=0, coordinator_epoch=1, timestamp_ms=NOW_MS
    )
    result = log.append(fenced, leader_epoch=0, now_ms=NOW_MS, origin=AppendOrigin.COORDINATOR)
    assert result.error is ErrorCode.TRANSACTION_COORDINATOR_FENCED


@pytest.mark.parametrize("left", [0, 17, None])
def test_recovery_indexes_aborted_transactions_again(disk: SimulatedDisk, log: Log, left: int | None) -> None:
    """Also where the process died between a marker and its entry, and after a start since then took a snapshot."""
    append(log, batch(2, producer_id=8, transactional=True))
    log.roll(NOW_MS)
    append(log, batch(2, producer_id=9, transactional=True))
    for producer_id in (8, 9):
        marker = end_transaction_batch(
            commit=False, producer_id=producer_id, producer_epoch=0, coordinator_epoch=2, timestamp_ms=NOW_MS
        )
        append(log, bytes(marker), origin=AppendOrigin.COORDINATOR)
    expected = log.aborted_transactions(0, 6)
    assert len(expected) == 2
    disk.crash(power=False)
    open_log(disk, clean=False, recovery_point=2)
    disk.crash(power=False)
    index = log.directory / "00000000000000000002.txnindex"
    if left is None:
        disk.remove(index)
    else:
        disk.open(index).truncate(left)
    log = open_log(disk, clean=False, recovery_point=2)
    assert log.aborted_transactions(0, 6) == expected
    disk.crash()
    assert open_log(disk).aborted_transactions(0, 6) == expected


def test_a_snapshot_is_refused_when_a_byte_is_wrong() -> None:
    states = ProducerStates()
    states.append(5, 1, 10, 2, 100, 102, NOW_MS)
    states.append(6, 0, 0, 0, 103, 103, NOW_MS, True)
    whole = encode_snapshot(states.entries.values())
    entries = {entry.producer_id: entry for entry in decode_snapshot(whole)}
    assert (entries[5].next_sequence, entries[5].batches) == (13, states.entries[5].batches)
    assert entries[6].transaction_first_offset == 103
    for at in range(len(whole)):
        hurt = bytearray(whole)
        hurt[at] ^= 0xFF
        with pytest.raises(CorruptSnapshotError):
            decode_snapshot(bytes(hurt))
        with pytest.raises(CorruptSnapshotError):
            decode_snapshot(whole[:at])


def test_old_snapshots_go_with_their_segments(disk: SimulatedDisk) -> None:
    log = open_log(disk, LogConfig(retention_bytes=0, file_delete_delay_ms=0))
    for index in range(4):
        send(log, index)
        log.roll(NOW_MS)
    log.high_watermark = log.log_end_offset
    assert log.delete_old_segments(NOW_MS) == 4
    log.remove_deleted_files(NOW_MS)
    assert [name for name in disk.list(log.directory) if name.endswith(".snapshot")] == [
        "00000000000000000004.snapshot"
    ]
    assert send(log, 4).error is ErrorCode.NONE
