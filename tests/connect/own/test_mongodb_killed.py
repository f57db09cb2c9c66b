"""`kill -9` of MongoDB's tasks under load: a source misses nothing, and a sink has each record once."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from tests.connect.own.test_killed import PER_ROUND, ROUNDS, create, kill_tasks
from tests.connect.records import values_of
from tests.connect.test_crashes import SETTINGS
from tests.connect.test_exactly_once import ENABLED, committed
from tests.peers.connect import OttlaConnect
from tests.peers.mongodb import MongoServer
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.long, pytest.mark.timeout(280)]
COUNT = PER_ROUND * ROUNDS


def test_a_source_writes_each_change_once(node: NodeProcess, tmp_path: Path) -> None:
    pytest.importorskip("pymongo", reason="pip install 'ottla[mongodb]'")
    with (
        MongoServer(tmp_path / "mongodb") as server,
        server.client() as client,
        OttlaConnect(tmp_path / "worker", node.address, ENABLED, group="mongo-once") as worker,
    ):
        source = {
            "connector.class": "MongoSource", "connection.uri": server.uri, "database": "shop", "collection": "orders",
            "pipeline": '[{"$addFields": {"ns": {"db": "shop", "coll": "orders"}}}]', "startup.mode": "timestamp",
            "startup.mode.timestamp.start.at.operation.time": "0", "publish.full.document.only": "true",
            "poll.max.batch.size": "50", "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            "exactly.once.support": "required", "transaction.boundary": "poll",
        }  # fmt: skip
        create(worker, "changes", source)

        def write() -> None:
            for number in range(COUNT):
                client["shop"]["orders"].insert_one({"_id": number})

        writer = threading.Thread(target=write)
        writer.start()
        for number in range(1, ROUNDS):
            wait_for(lambda: len(committed(node.address, "shop.orders")) >= number * 200, "some are written", 120)  # noqa: B023
            kill_tasks(worker, 1)
        writer.join()
        wait_for(lambda: len(committed(node.address, "shop.orders")) >= COUNT, "all are written", 120)
        assert [json.loads(value)["_id"] for value in committed(node.address, "shop.orders")] == list(range(COUNT))


def test_a_sink_has_each_record_once(node: NodeProcess, tmp_path: Path) -> None:
    pytest.importorskip("pymongo", reason="pip install 'ottla[mongodb]'")
    with (
        MongoServer(tmp_path / "mongodb") as server,
        server.client() as client,
        OttlaConnect(tmp_path / "worker", node.address, SETTINGS) as worker,
    ):
        made = {"connector.class": "Datagen", "kafka.topic": "mongo-orders", "quickstart": "orders", "max.interval": 4}
        create(worker, "made", made | {"iterations": COUNT, "random.seed": 5})
        wait_for(lambda: worker.ask("GET", "/connectors/made/offsets").body["offsets"], "the first are written")
        sink = {"connector.class": "MongoSink", "topics": "mongo-orders", "connection.uri": server.uri}
        sink |= {"database": "shop", "collection": "orders", "max.batch.size": "37"}
        create(worker, "replaced", sink)
        inserts = {"writemodel.strategy": "InsertOneDefaultStrategy", "collection": "inserted"}
        create(worker, "inserted", sink | inserts)

        def written(collection: str) -> list[int]:
            found = client["shop"][collection].find(projection={"orderid": 1})
            return sorted(each["orderid"] for each in found)

        for number in range(1, ROUNDS):
            wait_for(lambda: len(written("orders")) >= number * 300, "some are documents", 120)  # noqa: B023
            kill_tasks(worker, 3)

        def in_topic() -> list[int]:
            """The source is killed, too, and may have written some twice."""
            return sorted(each["orderid"] for each in values_of(node.address, "mongo-orders"))

        wait_for(lambda: set(in_topic()) == set(range(COUNT)), "all are in the topic", 120)
        expected = in_topic()
        for collection in ("orders", "inserted"):
            wait_for(lambda: len(written(collection)) >= len(expected), "all are documents", 120)  # noqa: B023
            assert written(collection) == expected
