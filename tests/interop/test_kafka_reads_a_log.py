"""Apache Kafka's own tool reads the files of a log that Ottla wrote, without complaint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.peers.apache_kafka import run_java
from tests.unit.log.batches import NOW_MS, append, batch

from ottla.log.append_result import AppendOrigin
from ottla.log.config import LogConfig
from ottla.log.log import Log
from ottla.protocol.control_batch import end_transaction_batch
from ottla.protocol.record_batch import CompressionType
from ottla.runtime.disk import Disk

if TYPE_CHECKING:
    from pathlib import Path


def write_log(directory: Path) -> Log:
    """Several segments with everything a log may hold, closed cleanly."""
    config = LogConfig(segment_bytes=8_000, index_interval_bytes=1000)
    log = Log.open(Disk(), directory, config, now_ms=NOW_MS, clean=True, topic_id=bytes(range(16)))
    log.assign_epoch(0, 0)
    for index in range(200):
        records = batch(
            index % 7 + 1,
            size=100,
            timestamp_ms=NOW_MS + index * (-1) ** (index % 3),
            compression=CompressionType(index % 5),
            producer_id=5 if index % 2 else -1,
            sequence=sum(other % 7 + 1 for other in range(1, index, 2)),
        )
        append(log, records, epoch=index // 50)
    for index in range(6):
        append(log, batch(2, producer_id=6, sequence=2 * index, transactional=True), epoch=4)
        marker = end_transaction_batch(
            commit=index % 2 == 0, producer_id=6, producer_epoch=0, coordinator_epoch=1, timestamp_ms=NOW_MS
        )
        append(log, bytes(marker), epoch=4, origin=AppendOrigin.COORDINATOR)
    log.close()
    assert log.segment_count > 2
    return log


@pytest.mark.java
def test_dump_log_segments_finds_every_index_in_order(tmp_path: Path) -> None:
    log = write_log(tmp_path / "topic-0")
    files = sorted(
        str(path)
        for path in (tmp_path / "topic-0").iterdir()
        if path.suffix in (".log", ".index", ".timeindex", ".snapshot", ".txnindex")
    )
    dump = run_java("org.apache.kafka.tools.DumpLogSegments", "--deep-iteration", "--files", ",".join(files))
    text = dump.stdout + dump.stderr
    assert not re.search("(?i)mismatch|not found|corrupt|exception|invalid", text), text
    offsets = [int(found) for found in re.findall(r"\| offset: (\d+)", text)]
    assert offsets == list(range(log.log_end_offset))
    sane = run_java(
        "org.apache.kafka.tools.DumpLogSegments", "--index-sanity-check", "--files",
        ",".join(file for file in files if file.endswith("index")),
    )  # fmt: skip
    assert "sanity check" in sane.stdout or "passed" in sane.stdout, sane.stdout
    assert not re.search("(?i)mismatch|corrupt|exception|failed", sane.stdout + sane.stderr)
