"""docs/guide/connect.md, run from top to bottom."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.guide.reader import BLOCK, Reader
from tests.peers.process import wait_for

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "connect.md"


@pytest.mark.long
@pytest.mark.timeout(280)
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert '"payload":"to be"' in reader.said_by("consume lines")
        assert "lines" in reader.said_by("connectors list")
        assert "HoistField" in reader.said_by("connectors describe lines")
        assert reader.said_by("consume numbers").count("\n") == 3
        out = tmp_path / "out.txt"
        wait_for(lambda: out.exists() and out.read_text().startswith("to be\nor not to be\n"), "the lines are copied")
