"""Apache Kafka's own reader reads every batch that we build, in every compression and at every level."""

import re
import zlib
from pathlib import Path

import pytest
from tests.peers.apache_kafka import run_java

from ottla.protocol.control_batch import ControlRecordType, control_batch, end_transaction_batch
from ottla.protocol.record import RecordBatchBuilder
from ottla.protocol.record_batch import CompressionType

LEVELS = [
    *((CompressionType.GZIP, level) for level in (None, 1, 9)),
    (CompressionType.SNAPPY, None),
    *((CompressionType.LZ4, level) for level in (None, 1, 3, 12, 17)),
    *((CompressionType.ZSTD, level) for level in (None, -131072, 1, 22)),
    (CompressionType.NONE, None),
]
NOISE = b"".join(b"%08x" % zlib.crc32(b"%d" % number) for number in range(25_000))


@pytest.mark.java
def test_java_reads_what_we_build(tmp_path: Path) -> None:
    log = tmp_path / "00000000000000000000.log"
    expected: list[tuple[int, int]] = []
    offset = 0
    with log.open("wb") as file:
        for compression, level in LEVELS:
            for content in (b"x", b"again " * 30_000, NOISE):
                builder = RecordBatchBuilder(
                    base_offset=offset,
                    compression=compression,
                    compression_level=level,
                    partition_leader_epoch=0,
                )
                for key in (b"key", None):
                    builder.append(key, content, [("h", b"1"), ("n", None)], timestamp_ms=1000 + offset)
                    expected.append((offset, zlib.crc32(content)))
                    offset += 1
                file.write(builder.build())
        file.write(
            end_transaction_batch(
                commit=True,
                producer_id=5,
                producer_epoch=1,
                coordinator_epoch=77,
                timestamp_ms=1,
                base_offset=offset,
                partition_leader_epoch=0,
            )
        )
        file.write(
            control_batch(
                [(ControlRecordType.SNAPSHOT_FOOTER, b"\0\0\0")],
                base_offset=offset + 1,
                timestamp_ms=1,
                partition_leader_epoch=0,
            )
        )
    out = run_java(
        "org.apache.kafka.tools.DumpLogSegments", *("--deep-iteration", "--print-data-log", "--files", str(log))
    )
    records = re.findall(r"\| offset: (\d+) .*headerKeys: \[h,n\].* payload: (.*)", out.stdout)
    assert [(int(number), zlib.crc32(payload.encode())) for number, payload in records] == expected
    assert "isvalid: false" not in out.stdout
    assert "endTxnMarker: COMMIT coordinatorEpoch: 77" in out.stdout
    assert f"offset: {offset + 1}" in out.stdout
