"""docs/guide/sql.md, run from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.guide.reader import BLOCK, Reader
from tests.house.source import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE = REPOSITORY / "docs" / "guide" / "sql.md"


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert reader.said_by("_offset, _key").splitlines()[1].split() == ["0", "a", "1", "10"]
        assert reader.said_by("sum(amount)").split() == ["sum(amount)", "35"]
        assert reader.said_by("where _key = 'a'").split() == ["amount", "10"]
        assert reader.said_by("as more") == "_key,more\na,5\nb,0\n"
