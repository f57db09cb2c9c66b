"""docs/guide/change-data-capture.md, run from top to bottom, with a PostgreSQL server of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.guide.reader import BLOCK, Reader
from tests.peers.postgres import PostgresServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "change-data-capture.md"


@pytest.mark.long
@pytest.mark.timeout(280)
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with PostgresServer() as server, server.connect("postgres") as db, Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            if block["kind"] == "sql":
                db.execute(block["text"])
            else:
                reader.do(block["kind"], block["file"], block["text"].replace("$PGPORT", str(server.port)))
        said = reader.said_by("--count 6")
    values = [json.loads(line) if line.startswith("{") else None for line in said.splitlines()]
    assert [None if each is None else each["op"] for each in values] == ["r", "r", "u", "d", None, "r"]
