"""A table of PostgreSQL that streams into a collection of MongoDB, under load, and with both tasks killed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.cdc.test_postgres import Writer, create_items, start
from tests.connect.own.test_killed import kill_tasks
from tests.connect.test_crashes import SETTINGS
from tests.peers.connect import OttlaConnect
from tests.peers.mongodb import MongoServer
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.postgres import PostgresServer
    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.long, pytest.mark.timeout(280)]
HANDLER = "com.mongodb.kafka.connect.sink.cdc.debezium.rdbms.postgres.PostgresHandler"


def test_a_collection_follows_a_table(node: NodeProcess, postgres: PostgresServer, tmp_path: Path) -> None:
    pytest.importorskip("pymongo", reason="pip install 'ottla[mongodb]'")
    with (
        MongoServer(tmp_path / "mongodb") as server,
        server.client() as client,
        closing(postgres.database("followed")) as db,
        OttlaConnect(tmp_path / "worker", node.address, SETTINGS) as worker,
    ):
        create_items(db, rows=200)
        with closing(postgres.connect("followed")) as other, Writer(other, seed=11) as writer:
            start(worker, "table", postgres.config("followed"))
            sink = {"connector.class": "MongoSink", "topics": "followed.public.items", "connection.uri": server.uri}
            sink |= {"database": "shop", "collection": "items", "change.data.capture.handler": HANDLER}
            start(worker, "collection", sink)
            wait_for(lambda: client["shop"]["items"].estimated_document_count() > 100, "rows are documents", 120)
            kill_tasks(worker, 2)
            done = writer.transactions
            wait_for(lambda: writer.transactions > done + 50, "more is written")

        def rows() -> dict[int, Any]:
            found = db.execute("SELECT id, name, amount FROM items").fetchall()
            return {key: (name, str(amount)) for key, name, amount in found}

        def documents() -> dict[int, Any]:
            found = client["shop"]["items"].find()
            return {each["_id"]["id"]: (each["name"], str(each["amount"])) for each in found}

        wait_for(lambda: documents() == rows(), "the collection is the table", 120)
        assert len(rows()) > 100
