"""docs/guide/security.md, run from top to bottom: its files are written, its commands run and answer as it says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.guide.reader import BLOCK, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "security.md"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with Reader(tmp_path) as made:
        yield made


@pytest.mark.skipif(not (shutil.which("openssl") and shutil.which("curl")), reason="apt install openssl curl")
def test_the_page_does_what_it_says(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(reader.directory))
    text = PAGE.read_text("utf-8")
    for block in BLOCK.finditer(text):
        reader.do(block["kind"], block["file"], block["text"])
    assert "orders" not in reader.said_by("topics list")
    assert reader.said_by("ottla consume orders") == "first order\n"
    assert reader.said_by("not allowed").endswith("refused\n")
    assert len(reader.nodes) == 6
    assert reader.said_by("/metrics") == "kafka_brokers 1\n"
    assert '"levels"' in reader.said_by("clusters/local/registry")
    secrets = ("admin-secret", "alice-secret")
    logs = "".join(path.read_text() for path in reader.directory.glob("node-*.log"))
    assert not any(secret in logs for secret in secrets)
    assert (reader.directory / "server.pem").stat().st_mode & 0o077 == 0
