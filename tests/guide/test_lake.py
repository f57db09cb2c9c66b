"""docs/guide/lake.md, run from top to bottom."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from tests.guide.reader import BLOCK, Reader
from tests.house.source import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE = REPOSITORY / "docs" / "guide" / "lake.md"


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    pytest.importorskip("pyiceberg", reason="pip install 'ottla[iceberg]'")
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert ast.literal_eval(reader.said_by("read.py")) == {"a": 15, "b": 20}
        told = reader.said_by("lake list").splitlines()[1].split()
        assert told[:5] == ["latest.orders", "orders", "table", "2", "1"]
        assert reader.said_by("lake status").splitlines()[1].split()[3:7] == ["0", "3", "3", "0"]
