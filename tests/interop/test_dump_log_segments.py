"""Every file that a node leaves behind after mixed use, read by Apache Kafka's `DumpLogSegments` without complaint.

`OTTLA_TEST_PEER=apache-kafka` runs it over Apache Kafka's own files, which proves the test; and the last tests here
damage files, which proves that a complaint is seen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from tests.conformance.client import COMPRESSIONS, Member, Record
from tests.conformance.scenarios import numbered
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import make_node
from tests.peers.apache_kafka import run_java

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

# What DumpLogSegments and Kafka's readers say about a file that is not right.
_COMPLAINT: Final = re.compile(
    r"mismatch|corrupt|isvalid: false|invalid|exception|out of order|non-consecutive"
    r"|could not|error at|skipping|unknown",
    re.IGNORECASE,
)
# One complaint is the tool's own: it takes -1 for the offset before a segment that does not start at 0.
_FIRST_OF_A_SEGMENT: Final = re.compile(r"Non-consecutive offsets in \S*/0*(\d+)\.log\n  -1 is followed by \1\n")
RECORDS_PER_TOPIC: Final = 300


def dump(*files: Path, options: Sequence[str] = ()) -> str:
    """Everything that DumpLogSegments prints over `files`; a Java exception ends as `JavaToolError`."""
    names = ",".join(str(file) for file in files)
    result = run_java("org.apache.kafka.tools.DumpLogSegments", *options, "--files", names, timeout_s=120)
    return result.stdout + result.stderr


def complaints(output: str) -> list[str]:
    return [line[:300] for line in _FIRST_OF_A_SEGMENT.sub("", output).splitlines() if _COMPLAINT.search(line)]


def use(node: NodeProcess) -> None:
    """Topics in every compression, rolled segments, groups, deletions, a restart and a crash; the node ends stopped."""
    client = Librdkafka(node.address)
    for codec in COMPRESSIONS:
        client.create_topic(f"codec-{codec}", 2)
    client.create_topic("compacted", configs={"cleanup.policy": "compact"})
    client.create_topic("rolled", configs={"segment.bytes": "1048576", "index.interval.bytes": "512"})
    client.create_topic("deleted")
    client.create_topic("log-append-time", configs={"message.timestamp.type": "LogAppendTime"})
    _produce_everywhere(client, 0)
    node.restart()
    _produce_everywhere(client, RECORDS_PER_TOPIC // 3)
    client.delete_topic("deleted")
    client.alter_topic_config("rolled", "retention.ms", "3600000")
    client.delete_records("codec-lz4", 0, 20)
    node.kill()
    node.start()
    _produce_everywhere(client, 2 * RECORDS_PER_TOPIC // 3)
    client.add_partitions("codec-none", 3)
    node.stop()


def _produce_everywhere(client: Librdkafka, first: int) -> None:
    count = RECORDS_PER_TOPIC // 3
    for codec in COMPRESSIONS:
        client.produce(f"codec-{codec}", numbered(first, count, partitions=2), codec, idempotent=codec == "zstd")
    tombstones = [Record(b"%d" % n, b"%d" % (n % 9), headers=(("n", b"%d" % n),)) for n in range(count - 1)]
    client.produce("compacted", [*tombstones, Record(None, b"1")])
    client.produce("log-append-time", numbered(first, count))
    for number in range(10):  # a batch each: an entry in the indexes each
        client.produce("rolled", [Record(b"%d" % number * 4000)])
    client.produce("rolled", [Record(b"%08d" % number * 1500) for number in range(count)])
    member = Member(client, "group", "codec-gzip")
    member.wait_for_values({b"value-%06d" % number for number in range(first, first + count)})
    member.commit()
    member.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a node after mixed use."""
    node = make_node(tmp_path_factory.mktemp("used"))
    node.start()
    try:
        use(node)
        yield node.data
    finally:
        node.close()


def files(data: Path, suffix: str) -> list[Path]:
    found = sorted(path for path in data.glob(f"*/*{suffix}") if "-delete" not in path.parent.name)
    assert found, f"no {suffix} in {data}"
    return found


def partition_files(data: Path, suffix: str) -> list[Path]:
    return [path for path in files(data, suffix) if not path.parent.name.startswith("__")]


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
