"""Every file that a node leaves behind after mixed use, read by Apache Kafka's `DumpLogSegments` without complaint.

`OTTLA_TEST_PEER=apache-kafka` runs it over Apache Kafka's own files, which proves the test; and the last tests here
damage files, which proves that a complaint is seen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from tests.conformance.client import COMPRESSIONS
from tests.interop.mixed_use import RECORDS_PER_TOPIC, files, partition_files
from tests.peers.apache_kafka import run_java

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

# What DumpLogSegments and Kafka's readers say about a file that is not right.
_COMPLAINT: Final = re.compile(
    r"mismatch|corrupt|isvalid: false|invalid|exception|out of order|non-consecutive"
    r"|could not|error at|skipping|unknown",
    re.IGNORECASE,
)
# One complaint is the tool's own: it takes -1 for the offset before a segment that does not start at 0.
_FIRST_OF_A_SEGMENT: Final = re.compile(r"Non-consecutive offsets in \S*/0*(\d+)\.log\n  -1 is followed by \1\n")


def dump(*files: Path, options: Sequence[str] = ()) -> str:
    """Everything that DumpLogSegments prints over `files`; a Java exception ends as `JavaToolError`."""
    names = ",".join(str(file) for file in files)
    result = run_java("org.apache.kafka.tools.DumpLogSegments", *options, "--files", names, timeout_s=300)
    return result.stdout + result.stderr


def complaints(output: str) -> list[str]:
    return [line[:300] for line in _FIRST_OF_A_SEGMENT.sub("", output).splitlines() if _COMPLAINT.search(line)]


def test_logs_of_topics(data: Path) -> None:
    logs = partition_files(data, ".log")
    assert len([log for log in logs if log.parent.name == "rolled-0"]) >= 3, "no segment was rolled"
    output = dump(*logs, options=["--deep-iteration", "--print-data-log"])
    assert complaints(output) == []
    for codec in COMPRESSIONS:
        assert f"compresscodec: {codec}" in output
    for number in range(RECORDS_PER_TOPIC):
        assert output.count(f"payload: value-{number:06d}") == len(COMPRESSIONS) + 1, number
    assert output.count("valueSize: -1") == 3, "the tombstones"
    assert "LogAppendTime" in output


def test_consumer_offsets(data: Path) -> None:
    logs = [path for path in files(data, ".log") if path.parent.name.startswith("__consumer_offsets-")]
    output = dump(*logs, options=["--deep-iteration", "--offsets-decoder"])
    assert complaints(output) == []
    assert '"group":"group"' in output
    assert '"topic":"codec-gzip"' in output
    assert '"protocolType":"consumer"' in output


def test_cluster_metadata(data: Path) -> None:
    logs = [path for path in files(data, ".log") if path.parent.name == "__cluster_metadata-0"]
    output = dump(*logs, options=["--deep-iteration", "--cluster-metadata-decoder"])
    assert complaints(output) == []
    expected = "TOPIC PARTITION CONFIG REGISTER_BROKER FEATURE_LEVEL REMOVE_TOPIC PRODUCER_IDS"
    for record in expected.split():
        assert f'"type":"{record}_RECORD"' in output, record
    assert "LeaderChange" in output
    snapshots = sorted((data / "__cluster_metadata-0").glob("*.checkpoint"))
    if snapshots:
        assert complaints(dump(*snapshots, options=["--cluster-metadata-decoder"])) == []


@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
def test_indexes(data: Path, suffix: str) -> None:
    indexes = files(data, suffix)
    entries = dump(*indexes)
    assert complaints(entries) == []
    assert entries.count("offset: ") > len(indexes), "the indexes are empty"
    assert complaints(dump(*indexes, options=["--verify-index-only"])) == []
    sane = dump(*indexes, options=["--index-sanity-check"])
    assert complaints(sane) == []
    assert sane.count("passed sanity check") + sane.count("is empty") == len(indexes)


def test_producer_snapshots(data: Path) -> None:
    output = dump(*partition_files(data, ".snapshot"))
    assert complaints(output) == []
    assert "producerId: " in output


def test_damage_in_a_log_is_seen(data: Path, tmp_path: Path) -> None:
    original = (data / "codec-none-0" / f"{0:020d}.log").read_bytes()
    position = original.index(b"value-000010")
    copy = tmp_path / f"{0:020d}.log"
    copy.write_bytes(original[:position] + b"VALUE" + original[position + 5 :])
    assert complaints(dump(copy, options=["--deep-iteration"])) != []


def test_damage_in_an_index_is_seen(data: Path, tmp_path: Path) -> None:
    folder = data / "rolled-0"
    for suffix in (".log", ".index"):
        (tmp_path / f"{0:020d}{suffix}").write_bytes((folder / f"{0:020d}{suffix}").read_bytes())
    index = tmp_path / f"{0:020d}.index"
    entries = bytearray(index.read_bytes())
    assert len(entries) >= 16
    entries[3] += 1  # the relative offset of the first entry
    index.write_bytes(entries)
    assert complaints(dump(index)) != []
