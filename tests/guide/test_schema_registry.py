"""docs/guide/schema-registry.md, run from top to bottom; and the registry within a node's process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.guide.reader import BLOCK, Reader
from tests.peers.process import free_port
from tests.peers.scrape import Scrape

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "schema-registry.md"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl (apt install curl)")


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert json.loads(reader.said_by("order-1.json"))["id"] == 1
        assert "READER_FIELD_MISSING_DEFAULT_VALUE" in reader.said_by("verbose=true")
        assert json.loads(reader.said_by("schemas/ids/2"))["version"] == 2
        assert reader.said_by("python read.py") == "the record begins with its schema's id: True\n{'id': 7}\n"
        listed = [json.loads(said) for line, said in reader.said.items() if line.endswith("/subjects")]
        assert listed[0] == ["notes-value", "orders-value"]
        assert listed[1]["error_code"] == 401
        assert listed[2] == ["orders-value"]
        assert json.loads(reader.said_by("notes-value/versions"))["id"] == 3
        assert json.loads(list(reader.said.values())[-1]) == [5]


def test_a_registry_within_a_node(tmp_path: Path) -> None:
    listen, other, metrics = (f"localhost:{free_port()}" for _ in range(3))
    with Reader(tmp_path) as reader:
        node = reader.start(
            f"ottla start --data d --listen {listen} --set group.initial.rebalance.delay.ms=0 --with registry={other} "
            f"--metrics {metrics}",
            "schema registry is ready",
        )
        body = """{"schema": "\\"int\\""}"""
        done = subprocess.run(
            ["curl", "-s", "-H", "Content-Type: application/json", "-d", body, f"http://{other}/subjects/a/versions"],
            capture_output=True,
            check=True,
        )
        assert json.loads(done.stdout)["id"] == 1
        scrape = Scrape.of(f"http://{metrics}/metrics")
        assert scrape.value("kafka_schema_registry_registered_count") == 1
        assert scrape.value("kafka_schema_registry_master_slave_role") == 1
        assert scrape.value("ottla_registry_versions", schema_type="AVRO") == 1
        assert scrape.value("ottla_registry_requests_total", method="POST", code="200") == 1
        assert scrape.value("kafka_server_kafkaserver_brokerstate") == 3
        node.terminate()
        assert node.wait(60) == 0


def test_a_wrong_companion_is_refused(tmp_path: Path) -> None:
    for word, said in (("cellar", "cellar: it is one of registry"), ("registry=8081", "HOST:PORT is wanted")):
        command = [sys.executable, "-m", "ottla", "start", "--data", str(tmp_path / "d"), "--with", word]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and said in done.stderr, done.stderr
