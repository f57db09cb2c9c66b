"""`ottla perf`: what it says was sent is there; on Apache Kafka too (OTTLA_TEST_PEER)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.peers.ottla_cli import InProcessCli

if TYPE_CHECKING:
    from tests.peers.process import NodeProcess


@pytest.fixture(scope="module")
def ottla(node: NodeProcess) -> InProcessCli:
    return InProcessCli(("--bootstrap", node.address))


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_what_is_produced_is_consumed(ottla: InProcessCli, compression: str) -> None:
    topic = f"perf-{compression}"
    ottla.works("topics", "create", topic, "--partitions", "3")
    sent = ottla.json("perf", "produce", topic, "--records", "3000", "--size", "200", "--compression", compression)
    assert (sent["records"], sent["bytes"]) == (3000, 600_000)
    latency = sent["latency"]["acknowledged"]
    assert 0 < latency["p50_ms"] <= latency["p99_ms"] * 1.01 <= latency["max_ms"] * 1.02
    read = ottla.json("perf", "consume", topic)
    assert (read["records"], read["bytes"]) == (3000, 600_000)
    assert ottla.json("perf", "consume", topic, "--records", "10")["records"] == 10
    assert "records/s" in ottla.works("perf", "consume", topic).out
    partitions = ottla.json("topics", "describe", topic)[0]["partitions"]
    assert all(each["next_offset"] > 0 for each in partitions)


def test_a_paced_load_takes_its_time(ottla: InProcessCli) -> None:
    ottla.works("topics", "create", "perf-paced", "--partitions", "1")
    began = time.monotonic()
    sent = ottla.json("perf", "produce", "perf-paced", "--records", "100", "--rate", "200", "--partition", "0")
    assert time.monotonic() - began >= 0.45
    assert sent["records_per_s"] <= 220


def test_there_and_back(ottla: InProcessCli) -> None:
    ottla.works("topics", "create", "perf-echo", "--partitions", "1")
    echoed = ottla.json("perf", "latency", "perf-echo", "--records", "20", "--size", "1K")
    assert echoed["records"] == 20
    assert 0 < echoed["latency"]["acknowledged"]["p50_ms"] <= echoed["latency"]["there_and_back"]["max_ms"]
    assert "there and back" in ottla.works("perf", "latency", "perf-echo", "--records", "5").out


def test_errors_say_what_to_write(ottla: InProcessCli) -> None:
    ottla.works("topics", "create", "perf-name", "--partitions", "1")
    assert "Did you mean 'perf-name'" in ottla("perf", "produce", "perf-nam", "--records", "1").err
    assert ottla("perf", "produce", "perf-name", "--records", "none").code == 2
    assert ottla("perf", "produce", "perf-name", "--size", "1G").code == 2
    assert ottla("perf", "produce", "perf-name", "--rate", "0").code == 2
    assert ottla("perf", "consume", "perf-name", "--from-end").code == 2
    assert ottla("perf", "produce", "perf-name", "--partition", "9", "--records", "1").code == 1
    too_large = ottla("perf", "produce", "perf-name", "--records", "2", "--size", "2M")
    assert (too_large.code, "MESSAGE_TOO_LARGE" in too_large.err) == (1, True)
