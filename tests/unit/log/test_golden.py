"""Logs that Apache Kafka 4.3.1 wrote (`tests/golden/log`): given the same batches, ours has the same files to the byte.

They were made by librdkafka against one node: idempotent and plain producers, all compressions, timestamps that go
back, a topic with LogAppendTime, transactions that commit, abort and stay open, tiny indexes so that segments roll by
index size, and by time (the transaction markers are two months younger than the records).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ottla.log.append_result import AppendOrigin
from ottla.log.checkpoint import read_topic_id
from ottla.log.config import LogConfig
from ottla.log.log import Log
from ottla.log.log_slice import AbortedTransaction
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import iterate_batches
from ottla.runtime.disk import Disk

GOLDEN = Path(__file__).parents[2] / "golden" / "log"
WRITTEN_MS = 1_795_446_756_000
CONFIGS = {
    "golden-mixed-0": LogConfig(index_interval_bytes=100, segment_index_bytes=200),
    "golden-plain-0": LogConfig(),
    "golden-append-time-0": LogConfig(
        index_interval_bytes=0, segment_index_bytes=120, message_timestamp_type="LogAppendTime"
    ),
    "golden-txn-0": LogConfig(index_interval_bytes=100, segment_index_bytes=160),
    "golden-empty-0": LogConfig(),
}
NAMES = sorted(CONFIGS)
EPOCHS = "leader-epoch-checkpoint"


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def golden(name: str) -> dict[str, bytes]:
    """As Kafka left it, but for the epoch of a log without records, which its next start forgets: it is not written."""
    return {file: data for file, data in contents(GOLDEN / name).items() if name != "golden-empty-0" or file != EPOCHS}


def copy_of(name: str, to: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / name, to / name))


def topic_id(name: str) -> bytes:
    found = read_topic_id(Disk(), GOLDEN / name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_same_batches_make_the_same_files(name: str, tmp_path: Path) -> None:
    log = Log.open(Disk(), tmp_path / name, CONFIGS[name], now_ms=WRITTEN_MS, clean=True, topic_id=topic_id(name))
    log.assign_epoch(0, 0)
    for path in sorted((GOLDEN / name).glob("*.log")):
        data = path.read_bytes()
        for at, header in iterate_batches(data):
            result = log.append(
                data[at : at + header.size], leader_epoch=0, now_ms=WRITTEN_MS, origin=AppendOrigin.REPLICATION
            )
            assert (result.error, result.base_offset) == (ErrorCode.NONE, header.base_offset)
    log.close()
    assert contents(tmp_path / name) == golden(name)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("golden-txn-0", "golden-append-time-0")])
def test_a_producer_sending_the_same_batches_makes_the_same_files(name: str, tmp_path: Path) -> None:
    """As a leader: offsets and epochs are assigned, sequences are checked."""
    log = Log.open(Disk(), tmp_path / name, CONFIGS[name], now_ms=WRITTEN_MS, clean=True, topic_id=topic_id(name))
    log.assign_epoch(0, 0)
    for path in sorted((GOLDEN / name).glob("*.log")):
        data = path.read_bytes()
        for at, header in iterate_batches(data):
            sent = bytes(8) + data[at + 8 : at + 12] + b"\xff\xff\xff\xff" + data[at + 16 : at + header.size]
            result = log.append(sent, leader_epoch=0, now_ms=WRITTEN_MS)
            assert (result.error, result.base_offset) == (ErrorCode.NONE, header.base_offset)
    log.close()
    assert contents(tmp_path / name) == golden(name)


# An epoch without records is forgotten at the start, as in Kafka, until its leader assigns it again: not the empty one.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "golden-empty-0"])
def test_opening_and_closing_changes_nothing(name: str, tmp_path: Path) -> None:
    directory = copy_of(name, tmp_path)
    log = Log.open(Disk(), directory, CONFIGS[name], now_ms=WRITTEN_MS, clean=True)
    log.close()
    assert contents(directory) == contents(GOLDEN / name)


@pytest.mark.parametrize("name", NAMES)
def test_recovery_makes_the_same_indexes_and_snapshots(name: str, tmp_path: Path) -> None:
    """Everything but the batches is lost, and found again."""
    directory = copy_of(name, tmp_path)
    for path in directory.iterdir():
        if path.suffix in (".index", ".timeindex", ".snapshot") or path.name == EPOCHS:
            path.unlink()
    log = Log.open(Disk(), directory, CONFIGS[name], now_ms=WRITTEN_MS, clean=False)
    log.assign_epoch(0, 0)
    assert log.truncated_bytes == 0
    log.close()
    expected, found = golden(name), contents(directory)
    # Snapshots at the beginning of the two newest segments and at the end are enough; Kafka's roll left more.
    missing = {file for file in expected.keys() - found.keys() if file.endswith(".snapshot")}
    assert {file: content for file, content in expected.items() if file not in missing} == found
    assert max((file for file in expected if file.endswith(".snapshot")), default=None) not in missing


@pytest.mark.parametrize("cut", [1, 60, 61, 100])
def test_a_torn_tail_is_cut_off_at_the_last_whole_batch(cut: int, tmp_path: Path) -> None:
    directory = copy_of("golden-plain-0", tmp_path)
    log_file = directory / "00000000000000000000.log"
    data = log_file.read_bytes()
    (directory / "00000000000000000120.snapshot").unlink()
    batch_size = 170
    log_file.write_bytes(data[:-cut])
    log = Log.open(Disk(), directory, LogConfig(), now_ms=WRITTEN_MS, clean=False)
    assert (log.log_end_offset, log.truncated_bytes) == (119, batch_size - cut)
    assert log_file.read_bytes() == data[:-batch_size]


def test_indexes_that_a_running_kafka_preallocated_are_made_anew(tmp_path: Path) -> None:
    directory = copy_of("golden-plain-0", tmp_path)
    index = directory / "00000000000000000000.index"
    whole = index.read_bytes()
    for path, size in ((index, 4096 * 8), (directory / "00000000000000000000.timeindex", 1200)):
        path.write_bytes(path.read_bytes() + bytes(size))
    log = Log.open(Disk(), directory, LogConfig(), now_ms=WRITTEN_MS, clean=False)
    assert index.read_bytes() == whole
    assert log.log_end_offset == 120


def test_aborted_transactions_and_the_last_stable_offset(tmp_path: Path) -> None:
    log = Log.open(Disk(), copy_of("golden-txn-0", tmp_path), CONFIGS["golden-txn-0"], now_ms=WRITTEN_MS, clean=True)
    log.high_watermark = log.log_end_offset
    assert (log.log_end_offset, log.last_stable_offset) == (47, 44)  # one transaction is still open
    assert log.aborted_transactions(0, 47) == [
        AbortedTransaction(16, 4), AbortedTransaction(16, 12), AbortedTransaction(16, 20),
        AbortedTransaction(17, 28), AbortedTransaction(17, 36),
    ]  # fmt: skip
    assert log.aborted_transactions(8, 13) == [AbortedTransaction(16, 12)]
    assert log.aborted_transactions(40, 47) == []
