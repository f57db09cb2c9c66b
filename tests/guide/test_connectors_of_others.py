"""docs/guide/connectors-of-others.md, run from top to bottom; it installs two packages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.guide.reader import BLOCK, Reader
from tests.peers.process import wait_for

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "connectors-of-others.md"


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTTLA_PLUGINS", str(tmp_path / "plugins"))
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert "tap-jsonl" in reader.said_by("connectors available")
        assert "meltanolabs-target-csv" in reader.said_by("connectors installed")
        assert "singer.config.path" in reader.said_by("connectors plugins")
        assert "Ottla" in reader.said_by("consume tap.people")

        def stored() -> bool:
            return any("Franz" in path.read_text() for path in (tmp_path / "csv").glob("*.csv"))

        wait_for(stored, "the target has written", 120)
