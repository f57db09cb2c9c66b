"""Documents of MongoDB: what is written of records, what change streams tell, what comes again, what is refused."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.own.tasks import Sink, Source, StoredOffsets
from tests.peers.mongodb import MongoServer

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.connectors.mongodb.sink import MongoSinkConnector
from ottla.connect.connectors.mongodb.source import MongoSourceConnector
from ottla.connect.data import logical
from ottla.connect.data.schema import FLOAT32_SCHEMA, INT32_SCHEMA, INT64_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.java, pytest.mark.timeout(120)]
ID = SchemaBuilder.struct().field("id", INT32_SCHEMA).build()
ROW = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("name", OPTIONAL_STRING_SCHEMA).build()
DEBEZIUM = "com.mongodb.kafka.connect.sink.cdc.debezium.rdbms.postgres.PostgresHandler"
WITH_NAMESPACE = json.dumps([{"$addFields": {"ns": {"db": "shop", "coll": "orders"}}}])
"""What the server at hand leaves out."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    pytest.importorskip("pymongo", reason="pip install 'ottla[mongodb]'")
    with MongoServer(tmp_path_factory.mktemp("mongodb")) as started:
        yield started


@pytest.fixture
def database(server: MongoServer) -> Iterator[Any]:
    with server.client() as client:
        for name in ("shop", "other"):
            client.drop_database(name)
        yield client["shop"]


def sink(server: MongoServer, *, reports: Any = False, offset: Any = 0, topic: str = "things", **more: Any) -> Sink:
    props = {"connection.uri": server.uri, "database": "shop", "retries.defer.timeout": 1, "topics": topic}
    props |= {key.replace("__", ".").replace("_", "."): text for key, text in more.items()}
    return Sink(MongoSinkConnector, props, reports=reports, offset=offset, topic=topic)


def source(server: MongoServer, offsets: StoredOffsets | None = None, **more: Any) -> Source:
    props = {"connection.uri": server.uri, "database": "shop", "collection": "orders", "pipeline": WITH_NAMESPACE}
    props |= {"poll.await.time.ms": "20"} | {key.replace("_", "."): text for key, text in more.items()}
    return Source(MongoSourceConnector, props, offsets)


def read(data: object) -> Any:
    assert isinstance(data, str)
    return json.loads(data)


def documents(database: Any, collection: str = "things") -> list[Any]:
    return list(database[collection].find(sort=[("shop", 1), ("_id", 1)]))


def test_data_of_every_type(server: MongoServer, database: Any) -> None:
    schema = (
        SchemaBuilder.struct()
        .field("float", FLOAT32_SCHEMA)
        .field("long", INT64_SCHEMA)
        .field("price", logical.decimal_schema(2))
        .field("day", logical.DATE_SCHEMA)
        .field("time", logical.TIME_SCHEMA)
        .field("at", logical.TIMESTAMP_SCHEMA)
        .field("tags", SchemaBuilder.array(STRING_SCHEMA).build())
        .field("rows", SchemaBuilder.map(STRING_SCHEMA, ROW).build())
        .build()
    )
    value = Struct(
        schema,
        float=0.1,
        long=1,
        price=Decimal("12.30"),
        day=datetime.date(2026, 11, 29),
        time=datetime.time(8, 15),
        at=datetime.datetime(2026, 11, 29, 8, 15, 30, 123000, tzinfo=datetime.UTC),
        tags=["a"],
        rows={"r": Struct(ROW, id=1)},
    )
    task = sink(server, document_id_strategy="KafkaMetaDataStrategy")
    task.put(value, {"n": 7, "x": 1.5}, '{"d": {"$date": 1}, "n": 7}', b"\x0c\0\0\0\x10a\0\1\0\0\0\0")
    from bson import Decimal128, Int64

    found = documents(database)
    assert [each.pop("_id") for each in found] == [f"things#0#{number}" for number in range(4)]
    at = datetime.datetime(2026, 11, 29)
    assert found[0] == {
        "float": 0.10000000149011612, "long": Int64(1), "price": Decimal128("12.30"), "day": at,
        "time": datetime.datetime(1970, 1, 1, 8, 15),
        "at": at.replace(hour=8, minute=15, second=30, microsecond=123000),
        "tags": ["a"], "rows": {"r": {"id": 1, "name": None}},
    }  # fmt: skip
    assert found[1:] == [{"n": 7, "x": 1.5}, {"d": datetime.datetime(1970, 1, 1, 0, 0, 0, 1000), "n": 7}, {"a": 1}]
    assert [type(each["n"]) for each in found[1:3]] == [Int64, int]


@pytest.mark.parametrize("strategy", ["ReplaceOneDefaultStrategy", "InsertOneDefaultStrategy"])
@pytest.mark.parametrize("id_strategy", ["BsonOidStrategy", "UuidStrategy", "KafkaMetaDataStrategy"])
def test_what_comes_again_is_there_once(server: MongoServer, database: Any, strategy: str, id_strategy: str) -> None:
    task = sink(server, writemodel_strategy=strategy, document_id_strategy=id_strategy, max_batch_size=3)
    records = task.records(*({"n": number} for number in range(10)))
    task.deliver(records[:7])
    first = documents(database)
    again = sink(server, writemodel_strategy=strategy, document_id_strategy=id_strategy)
    again.deliver(records[2:])
    found = documents(database)
    assert sorted(each["n"] for each in found) == list(range(10))
    assert [each for each in found if each["n"] < 7] == first


def test_documents_by_key(server: MongoServer, database: Any) -> None:
    task = sink(server, document_id_strategy="FullKeyStrategy", delete_on_null_values="true")
    keys = [Struct(ID, id=number) for number in (1, 2, 1, 2)]
    task.put({"v": 1}, {"v": 2}, {"v": 3}, None, keys=keys)
    assert documents(database) == [{"_id": {"id": 1}, "v": 3}]
    task = sink(server, document_id_strategy="ProvidedInKeyStrategy", writemodel_strategy="UpdateOneDefaultStrategy")
    task.put({"w": 1}, {"x": 2}, keys=[{"_id": "a"}, {"_id": "a"}])
    assert documents(database)[:1] == [{"_id": "a", "w": 1, "x": 2}]


def test_business_keys(server: MongoServer, database: Any) -> None:
    settings = {
        "document_id_strategy": "PartialValueStrategy",
        "document_id_strategy_partial_value_projection_type": "AllowList",
        "document_id_strategy_partial_value_projection_list": "shop,item.id",
    }
    task = sink(server, writemodel_strategy="ReplaceOneBusinessKeyStrategy", **settings)
    rows = [{"shop": "a", "item": {"id": 1}, "n": 1}, {"shop": "b", "item": {"id": 1}, "n": 2}]
    task.put(*rows, rows[0] | {"n": 3})
    found = documents(database)
    assert [(each["shop"], each["n"]) for each in found] == [("a", 3), ("b", 2)]
    assert {type(each["_id"]).__name__ for each in found} == {"ObjectId"}
    task = sink(server, writemodel_strategy="UpdateOneBusinessKeyTimestampStrategy", **settings)
    task.put(rows[1] | {"m": 4})
    changed = documents(database)[1]
    assert (changed["n"], changed["m"], changed["_id"]) == (2, 4, found[1]["_id"])
    assert {"_modifiedTS"} == set(changed) - {"_id", "shop", "item", "n", "m"}


def test_topics_and_fields_name_collections(server: MongoServer, database: Any) -> None:
    task = sink(server, topic="a.b", **{"topic.override.a.b.collection": "special"})
    task.put({"n": 1})
    assert len(documents(database, "special")) == 1
    task = sink(
        server,
        namespace_mapper="com.mongodb.kafka.connect.sink.namespace.mapping.FieldPathNamespaceMapper",
        namespace_mapper_value_collection_field="to.name",
        namespace_mapper_key_database_field="db",
    )
    task.put({"to": {"name": "x"}}, {"to": 1}, keys=[{"db": "other"}, {"db": 1}])
    assert len(documents(database, "things")) == 1
    with pytest.raises(DataError, match=r"record things-0@3 cannot be written: .*must not start or end"):
        task.put({"to": 2}, {"to": {"name": "x."}}, {"to": 3}, keys=[{}, {}, {}])
    assert len(documents(database, "things")) == 2
    assert len(documents(database.client["other"], "x")) == 1


def test_what_is_refused_is_reported_and_the_rest_is_written(server: MongoServer, database: Any) -> None:
    database["things"].insert_one({"_id": 2})
    inserts = {
        "writemodel_strategy": "InsertOneDefaultStrategy",
        "document_id_strategy": "ProvidedInValueStrategy",
    }
    task = sink(server, reports=True, **inserts)
    task.put({"_id": 1}, {"_id": 2}, {"n": 3}, "no json", {"_id": 5, "n": 1 << 70}, {"_id": 6}, None)
    assert [each["_id"] for each in documents(database)] == [1, 2, 6]
    assert sorted(record.kafka_offset for record, _ in task.rejected) == [1, 2, 3, 4, 6]
    assert "duplicate key" in " ".join(str(error) for _, error in task.rejected)
    task = sink(server, **inserts)
    with pytest.raises(ConnectError, match=r"record things-0@0 is refused by MongoDB: .*duplicate"):
        task.put({"_id": 2})
    with pytest.raises(DataError, match="record things-0@1 has no _id"):
        task.put({"n": 2})
    task = sink(server, mongo_errors_tolerance="all", document_id_strategy="ProvidedInValueStrategy")
    task.put({"n": 2}, {"_id": 7})
    assert [each["_id"] for each in documents(database)] == [1, 2, 6, 7]


def test_a_table_streams_into_a_collection(server: MongoServer, database: Any) -> None:
    task = sink(server, change_data_capture_handler=DEBEZIUM)

    def change(op: str, before: Any, after: Any) -> dict[str, Any]:
        return {"op": op, "before": before, "after": after, "source": {}}

    one, two = {"id": 1, "name": "a"}, {"id": 1, "name": None}
    keys = [{"id": 1}, {"id": 2}, {"id": 1}, {"id": 2}, {"id": 2}]
    task.put(
        change("c", None, one), change("r", None, {"id": 2}), change("u", one, two), change("d", {"id": 2}, None), None,
        keys=keys,
    )  # fmt: skip
    assert documents(database) == [{"_id": {"id": 1}, "name": None}]
    task.put({"ddl": "DROP TABLE x"}, change("c", None, {"n": 1}), change("u", {"n": 1}, {"n": 2}))
    assert [each.get("n") for each in documents(database)] == [None, 2]
    with pytest.raises(DataError, match="neither a key nor `before`"):
        task.put(change("d", None, None))


@pytest.mark.long
def test_a_server_that_goes_and_comes(server: MongoServer, database: Any) -> None:
    task = sink(server, max_num_retries=1)
    task.put({"n": 1})
    reading = source(server, max_num_retries=1000)
    reading.poll()
    server.stop()
    with pytest.raises(ConnectError, match="after 1 more tries"):
        task.put({"n": 2})
    assert task.retried == 1
    assert reading.poll() == []
    server.start()
    task.put({"n": 2})
    assert [each["n"] for each in documents(database)] == [2]  # it keeps documents in memory
    reading.poll()
    database["orders"].insert_one({"_id": 1})
    assert [read(record.value)["documentKey"] for record in reading.take(1)] == [{"_id": 1}]


def test_changes_come_once(server: MongoServer, database: Any) -> None:
    first = source(server)
    first.poll()
    for number in range(25):
        database["orders"].insert_one({"_id": number, "n": str(number)})
    database["orders"].delete_one({"_id": 3})
    whole = first.take(26)
    assert [read(record.key)["_id"] for record in whole] == [*range(25), 3]
    value = read(whole[7].value)
    assert value["fullDocument"] == {"_id": 7, "n": "7"}
    assert (value["operationType"], value["ns"]) == ("insert", {"db": "shop", "coll": "orders"})
    assert whole[7].source_offset == {"_id": json.dumps(value["_id"])}
    assert whole[7].source_partition == {"ns": f"mongodb://{server.address}/shop.orders"}
    assert (whole[7].topic, read(whole[25].value)["operationType"]) == ("shop.orders", "delete")
    for place in (0, 10, 24):
        offsets = StoredOffsets()
        offsets.store(whole[place])
        again = source(server, offsets, poll_max_batch_size=7)
        found = again.take(25 - place)
        assert [record.value for record in found] == [record.value for record in whole[place + 1 :]]


def test_existing_documents_are_copied_and_changes_follow(server: MongoServer, database: Any) -> None:
    database["orders"].insert_many([{"_id": number} for number in range(10)])
    reading = source(server, startup_mode="copy_existing", poll_max_batch_size=4)
    copied = reading.poll()
    database["orders"].insert_one({"_id": 10})
    assert [read(record.key)["_id"] for record in copied] == [0, 1, 2, 3]
    event = {"_id": {"_id": 0, "copyingData": True}, "operationType": "insert", "documentKey": {"_id": 0}}
    event |= {"fullDocument": {"_id": 0}, "ns": {"db": "shop", "coll": "orders"}}
    assert read(copied[0].value) == event
    assert copied[3].source_offset == {"_id": '{"_id": 3, "copyingData": true}', "copy": "true"}
    rest = reading.take(7)
    assert [read(record.key)["_id"] for record in rest] == [4, 5, 6, 7, 8, 9, 10]
    offsets = StoredOffsets()
    offsets.store(copied[3])  # it ended while it copied: all is copied again
    again = source(server, offsets, startup_mode="copy_existing")
    assert len(again.take(11)) == 11
    offsets.store(rest[-1])
    resumed = source(server, offsets, startup_mode="copy_existing")
    assert resumed.poll() == []
    database["orders"].insert_one({"_id": 11})
    assert [read(record.key)["_id"] for record in resumed.take(1)] == [11]


def test_documents_alone_as_data_with_a_schema(server: MongoServer, database: Any) -> None:
    schema = json.dumps(
        {"type": "record", "name": "order", "fields": [
            {"name": "_id", "type": "int"}, {"name": "item.name", "type": ["null", "string"]},
            {"name": "price", "type": "string"}, {"name": "n", "type": "long", "default": 7},
        ]}
    )  # fmt: skip
    own: dict[str, Any] = {
        "output_format_value": "schema",
        "output_schema_value": schema,
        "publish_full_document_only": "true",
    }
    tombstones = json.dumps(
        [*json.loads(WITH_NAMESPACE), {"$addFields": {"fullDocument": {"$ifNull": ["$fullDocument", "$absent"]}}}]
    )
    reading = source(
        server, pipeline=tombstones, publish_full_document_only_tombstone_on_delete="true", topic_prefix="p",
        topic_namespace_map='{"/sh(op).*": "{coll}{sep}x"}', **own,
    )  # fmt: skip
    inferring = source(server, publish_full_document_only="true", output_format_value="schema",
                       output_schema_infer_value="true", output_format_key="bson")  # fmt: skip
    for each in (reading, inferring):
        each.poll()
    from bson import Decimal128, decode

    database["orders"].insert_one({"_id": 1, "price": Decimal128("1.50"), "item": {"name": "a"}, "tags": ["x", 1]})
    database["orders"].delete_one({"_id": 1})
    inserted, deleted = reading.take(2)
    assert (inserted.topic, deleted.value, deleted.key) == ("p.orders.x", None, '{"_id": 1}')
    value = inserted.value
    assert isinstance(value, Struct)
    assert [value.get(field) for field in value.schema.fields] == [1, "a", '{"$numberDecimal": "1.50"}', 7]
    (inferred,) = inferring.take(1)
    value = inferred.value
    assert isinstance(value, Struct)
    assert isinstance(inferred.key, bytes)
    assert decode(inferred.key) == {"_id": 1}
    assert [(field.name, value.get(field)) for field in value.schema.fields][2:] == [
        ("price", Decimal("1.50")), ("tags", ["x", "1"])
    ]  # fmt: skip


def test_events_that_become_no_record(server: MongoServer, database: Any) -> None:
    schema = json.dumps({"type": "record", "name": "order", "fields": [{"name": "n", "type": "int"}]})
    own: dict[str, Any] = {
        "output_format_value": "schema",
        "output_schema_value": schema,
        "publish_full_document_only": "true",
    }
    strict = source(server, **own)
    tolerant = source(server, errors_tolerance="all", errors_deadletterqueue_topic_name="dead", **own)
    for each in (strict, tolerant):
        each.poll()
    database["orders"].insert_many([{"_id": 1, "n": "x"}, {"_id": 2, "n": 2}])
    assert [(record.topic, record.key) for record in tolerant.take(2)] == [
        ("dead", '{"_id": 1}'), ("shop.orders", '{"_id": 2}')
    ]  # fmt: skip
    with pytest.raises(DataError, match=r'the key {"_id": 1}: The schema is of type'):
        strict.take(1)


def test_heartbeats_and_a_time_to_begin_at(server: MongoServer, database: Any) -> None:
    reading = source(server, heartbeat_interval_ms=1, heartbeat_topic_name="beats")
    reading.poll()
    database["orders"].insert_one({"_id": 1})
    (record,) = reading.take(1)
    (beat,) = reading.take(1)
    assert (beat.topic, beat.value, beat.key) == ("beats", None, record.source_offset and record.source_offset["_id"])
    assert beat.source_offset == {"_id": beat.key, "HEARTBEAT": "true"}
    assert reading.poll() == []
    old = source(
        server, startup_mode="timestamp", startup_mode_timestamp_start_at_operation_time="1970-01-01T00:00:30Z"
    )
    assert read(old.take(1)[-1].key) is not None
