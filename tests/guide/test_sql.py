"""docs/guide/sql.md, run from top to bottom."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.guide.reader import BLOCK, Reader
from tests.house.source import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE = REPOSITORY / "docs" / "guide" / "sql.md"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl (apt install curl)")


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert reader.said_by("_offset, _key").splitlines()[1].split() == ["0", "a", "1", "10"]
        assert reader.said_by("sum(amount)").split() == ["sum(amount)", "35"]
        assert reader.said_by("where _key = 'a'").split() == ["amount", "10"]
        lines = [json.loads(line) for line in reader.said_by("curl -s -d").splitlines()]
        assert [each["name"] for each in lines[0]["columns"]] == ["_key", "amount"]
        assert lines[1:-1] == [["a", 15], ["b", 20]]
        assert lines[-1]["read"][0]["again"] == "latest(orders) as of offsets '0:3'"
        assert json.loads(reader.said_by("max_records").splitlines()[1]) == [3]
        assert reader.said_by("as more") == "_key,more\na,5\nb,0\n"
