"""docs/guide/connectors.md, run from top to bottom."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.guide.reader import BLOCK, Reader
from tests.peers.process import wait_for

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "connectors.md"


@pytest.mark.long
@pytest.mark.timeout(280)
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        (tmp_path / "inbox").mkdir()
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert reader.said_by("consume orders").count("\n") == 100

        def rows() -> int:
            with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
                try:
                    return int(database.execute("SELECT count(address_city) FROM orders").fetchone()[0])
                except sqlite3.OperationalError:  # not yet
                    return 0

        wait_for(lambda: rows() == 100, "the orders are rows")
        reader.do_line("ottla connectors create --file rows-back.properties --url http://localhost:8083")
        reader.do_line("ottla consume shop-orders --bootstrap localhost:9092 --from beginning --count 100")
        lake = tmp_path / "lake"

        def written() -> int:
            return sum(pq.read_table(path, partitioning=None).num_rows for path in lake.rglob("*.parquet"))

        wait_for(lambda: lake.exists() and written() >= 50, "the orders are in files")
        (tmp_path / "inbox" / "a.csv").write_text("id,price\n1,2.50\n")
        reader.do_line("ottla connectors create --file inbox.properties --url http://localhost:8083")
        reader.do_line("ottla consume inbox --bootstrap localhost:9092 --from beginning --count 1")
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "a.log").write_text("a line\n")
        reader.do_line("ottla connectors create --file logs.properties --url http://localhost:8083")
        reader.do_line("ottla consume logs --bootstrap localhost:9092 --from beginning --count 1")
        assert "a line" in reader.said_by("consume logs")
