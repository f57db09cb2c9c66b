"""`ottla dump-log` says of a node's files what Apache Kafka's DumpLogSegments says; `ottla verify` finds damage.

`OTTLA_TEST_PEER=apache-kafka` runs it over Apache Kafka's own files.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.mixed_use import files
from tests.peers.apache_kafka import run_java
from tests.peers.ottla_cli import InProcessCli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ottla = InProcessCli()


def items(path: Path, *options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ottla("dump-log", str(path), "--json", *options).lines]


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Path:
    """A data directory of one's own, to be damaged: a log with several segments and one that is compressed."""
    for name in ("rolled-0", "codec-gzip-0"):
        shutil.copytree(data / name, tmp_path / "data" / name)
    for name in ("meta.properties", "recovery-point-offset-checkpoint", ".kafka_cleanshutdown"):
        shutil.copy(data / name, tmp_path / "data" / name)
    return tmp_path / "data"


def test_what_a_node_leaves_is_whole(data: Path) -> None:
    verified = ottla.json("verify", str(data), "--records")
    assert (verified["verdict"], verified["findings"]) == ("whole", [])
    assert verified["segments"] >= verified["logs"] > 10
    assert verified["records"] > 1000
    assert any(each["subject"] == "files" for each in ottla("doctor", "--data", str(data), "--json").json)
    assert "all is well" in ottla.works("verify", str(data / "rolled-0")).out


def test_every_file_can_be_dumped(data: Path) -> None:
    for directory in sorted(each for each in data.iterdir() if each.is_dir()):
        dumped = ottla.works("dump-log", str(directory), "--records", "--json")
        assert "undecoded" not in dumped.out
    kinds = {item["decoded"]["type"] for item in items(data / "__cluster_metadata-0", "--records") if "decoded" in item}
    assert {"TopicRecord", "PartitionRecord", "RegisterBrokerRecord", "LEADER_CHANGE"} <= kinds
    groups = [item for path in data.glob("__consumer_offsets-*") for item in items(path, "--records")]
    commits = [each["decoded"] for each in groups if each.get("decoded", {}).get("type") == "OffsetCommit"]
    assert {(each["key"]["group"], each["key"]["topic"]) for each in commits} == {("group", "codec-gzip")}
    text = ottla.works("dump-log", str(data / "codec-gzip-0"), "--records").out
    assert "gzip" in text
    assert "value-000010" in text
    few = items(data / "codec-gzip-0" / f"{0:020d}.log", "--from-offset", "140", "--count", "1")
    assert few[0]["last_offset"] >= 140
    assert len(few) == 1


def test_damage_is_found_and_named(copy: Path) -> None:
    log = copy / "codec-gzip-0" / f"{0:020d}.log"
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    verified = ottla("verify", str(copy))
    assert (verified.code, "DAMAGED" in verified.out) == (1, True)
    assert f"codec-gzip-0/{0:020d}.log: the checksum of the batch at offset" in verified.out
    assert ottla("dump-log", str(log)).code == 1

    first, second, *_ = sorted((copy / "rolled-0").glob("*.log"))
    second.write_bytes(b"nonsense, and more of it" + second.read_bytes())
    first.write_bytes(first.read_bytes() + b"\0" * 100)
    told = {each["where"]: each for each in ottla("verify", str(copy), "--json").json["findings"]}
    assert told[f"rolled-0/{second.name}"]["severity"] == "damage"
    assert "are no batch: zeros" in told[f"rolled-0/{first.name}"]["what"]


def test_what_a_node_mends_by_itself_is_told_apart(copy: Path) -> None:
    log = copy / "codec-gzip-0" / f"{0:020d}.log"
    log.write_bytes(log.read_bytes()[:-3])
    assert ottla("verify", str(copy), "--json").json["verdict"] == "damage"  # it was closed as it should be
    (copy / ".kafka_cleanshutdown").unlink()
    doctor = ottla("doctor", "--data", str(copy))
    assert (doctor.code, "cuts it when it starts" in doctor.out) == (1, True)
    findings = ottla("verify", str(copy), "--json").json["findings"]
    assert {each["severity"] for each in findings} == {"repairable"}
    assert any("cuts it when it starts" in each["advice"] for each in findings)
    assert any(each["where"] == "recovery-point-offset-checkpoint" for each in findings)


@pytest.mark.parametrize("suffix", [".index", ".timeindex", ".snapshot"])
def test_a_wrong_index_is_found(copy: Path, suffix: str) -> None:
    index = max((copy / "rolled-0").glob(f"*{suffix}"), key=lambda each: each.stat().st_size)
    content = bytearray(index.read_bytes())
    content[-5 if suffix == ".timeindex" else -1] ^= 3  # a time, a position, something that the checksum covers
    index.write_bytes(content)
    findings = ottla("verify", str(copy), "--json").json["findings"]
    assert [(each["severity"], each["where"]) for each in findings] == [("repairable", f"rolled-0/{index.name}")]
    assert f"remove {index.name}" in findings[0]["advice"]


def test_errors_say_what_to_name(tmp_path: Path) -> None:
    assert ottla("verify", str(tmp_path / "nowhere")).code == 1
    (tmp_path / "letter.txt").write_text("hello")
    assert "none of .log" in ottla("dump-log", str(tmp_path / "letter.txt")).err
    assert ottla("dump-log", str(tmp_path)).code == 2
    (tmp_path / f"{0:020d}.log").write_bytes(b"\xff" * 200)
    assert "ERROR at position 0" in ottla("dump-log", str(tmp_path)).out
    empty = tmp_path / "empty-0"
    empty.mkdir()
    (empty / f"{0:020d}.log").touch()
    assert ottla.json("verify", str(empty))["records"] == 0


def lines_of(path: Path) -> Iterator[str]:
    """A file as DumpLogSegments shows it."""
    for item in items(path, "--records", "--decode", "raw"):
        if item["kind"] == "batch":
            yield (
                f"baseOffset: {item['base_offset']} lastOffset: {item['last_offset']} count: {item['count']} "
                f"baseSequence: {item['base_sequence']} lastSequence: {item['last_sequence']} "
                f"producerId: {item['producer_id']} producerEpoch: {item['producer_epoch']} "
                f"partitionLeaderEpoch: {item['leader_epoch']} isTransactional: {str(item['transactional']).lower()} "
                f"isControl: {str(item['control']).lower()} deleteHorizonMs: {optional(item['delete_horizon'])} "
                f"position: {item['position']} {item['timestamp_type'].title()}Time: {item['max_timestamp']} "
                f"size: {item['size']} magic: 2 compresscodec: {item['compression']} crc: {item['crc']} "
                f"isvalid: {str(item['crc_is_right']).lower()}"
            ).replace("AppendTime", "LogAppendTime")
        elif item["kind"] == "record":
            yield f"| offset: {item['offset']} {item['timestamp']}"
        elif item["kind"] == "producer":
            yield f"producerId: {item['producer_id']} producerEpoch: {item['producer_epoch']}"
        elif "position" in item:
            yield f"offset: {item['offset']} position: {item['position']}"
        else:
            yield f"timestamp: {item['timestamp']} offset: {item['offset']}"


def optional(value: int | None) -> str:
    return "OptionalLong.empty" if value is None else f"OptionalLong[{value}]"


@pytest.mark.java
@pytest.mark.timeout(400)
def test_apache_kafka_says_the_same(data: Path) -> None:
    suffixes = (".log", ".index", ".timeindex", ".snapshot")
    paths = [path for suffix in suffixes for path in files(data, suffix) if path.stat().st_size]
    names = ",".join(map(str, paths))
    printed = run_java("org.apache.kafka.tools.DumpLogSegments", "--deep-iteration", "--files", names, timeout_s=300)
    theirs: dict[str, list[str]] = {}
    for line in printed.stdout.splitlines():
        if line.startswith("Dumping "):
            lines = theirs[line.removeprefix("Dumping ")] = []
        elif found := re.match(r"\| offset: (\d+) \w+: (-?\d+)", line):
            lines.append(f"| offset: {found[1]} {found[2]}")
        elif found := re.match(r"producerId: \d+ producerEpoch: \d+", line):
            lines.append(found[0])
        elif re.match("baseOffset|offset|timestamp", line):
            lines.append(line.strip())
    assert len(theirs) == len(paths)
    for path in paths:
        assert list(lines_of(path)) == theirs[str(path)], path
