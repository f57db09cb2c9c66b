"""docs/guide/connectors.md, run from top to bottom."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
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
        reader.do("sh", None, "ottla connectors create --file rows-back.properties --url http://localhost:8083")
        reader.do("sh", None, "ottla consume shop-orders --bootstrap localhost:9092 --from beginning --count 100")
        lake = tmp_path / "lake"

        def written() -> int:
            return sum(pq.read_table(path, partitioning=None).num_rows for path in lake.rglob("*.parquet"))

        wait_for(lambda: lake.exists() and written() >= 50, "the orders are in files")
        (tmp_path / "inbox" / "a.csv").write_text("id,price\n1,2.50\n")
        reader.do("sh", None, "ottla connectors create --file inbox.properties --url http://localhost:8083")
        reader.do("sh", None, "ottla consume inbox --bootstrap localhost:9092 --from beginning --count 1")
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "a.log").write_text("a line\n")
        reader.do("sh", None, "ottla connectors create --file logs.properties --url http://localhost:8083")
        reader.do("sh", None, "ottla consume logs --bootstrap localhost:9092 --from beginning --count 1")
        assert "a line" in reader.said_by("consume logs")
        reader.do("sh", None, "ottla connectors create --file duck.properties --url http://localhost:8083")
        reader.do("sh", None, "ottla connectors create --file iceberg.properties --url http://localhost:8083")

        def kept(query: str) -> int:
            try:
                with duckdb.connect(str(tmp_path / "orders.duckdb"), read_only=True) as database:
                    return int(database.execute(query).fetchone()[0])  # type: ignore[index]
            except duckdb.Error:  # not yet, or the task has it
                return 0

        catalog = {
            "type": "sql",
            "uri": f"sqlite:///{tmp_path}/catalog.db",
            "warehouse": f"file://{tmp_path}/warehouse",
        }

        def appended() -> int:
            from pyiceberg.catalog import load_catalog
            from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

            try:
                return int(load_catalog("iceberg", **catalog).load_table("shop.orders").scan().to_arrow().num_rows)
            except (NoSuchTableError, NoSuchNamespaceError):
                return 0

        wait_for(lambda: appended() == 100, "the orders are in Iceberg")
        reader.do("sh", None, "ottla connectors stop duck --url http://localhost:8083")
        wait_for(lambda: kept("SELECT count(*) FROM orders") == 100, "the orders are in DuckDB")
