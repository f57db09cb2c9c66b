"""MongoDB's connectors beside MongoDB's own: JSON, schemas, topics, documents, records are the same to the letter."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.connect.oracle.mongodb.process import MongoOracle
from tests.connect.own.tasks import Sink, Source, StoredOffsets
from tests.connect.wire import (
    assert_all_same,
    assert_same,
    outcome,
    record_on_wire,
    schema_on_wire,
    value_on_wire,
)
from tests.peers.mongodb import MongoServer

from ottla.connect.connectors.mongodb.sink import MongoSinkConnector
from ottla.connect.connectors.mongodb.source import MongoSourceConnector
from ottla.connect.connectors.mongodb.source_config import (
    CONFIG,
    DEFAULT_VALUE_SCHEMA,
    KEY_FORMAT,
    VALUE_FORMAT,
    VALUE_SCHEMA,
)
from ottla.connect.data.schema import INT32_SCHEMA, INT64_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

bson = pytest.importorskip("bson", reason="pip install 'ottla[mongodb]'")

from ottla.connect.connectors.mongodb.json_text import (  # noqa: E402
    CODEC,
    DEFAULT,
    EXTENDED,
    RELAXED,
    SIMPLIFIED,
    json_text,
    parse_json,
)
from ottla.connect.connectors.mongodb.outputs import key_output, value_output  # noqa: E402
from ottla.connect.connectors.mongodb.topic_mapper import TopicMapper  # noqa: E402

pytestmark = [pytest.mark.java, pytest.mark.long, pytest.mark.timeout(280)]
CASES: Final = 400
SEED: Final = 20261129
FORMATTERS: Final = (DEFAULT, EXTENDED, RELAXED, SIMPLIFIED)
JAVA_FORMATTERS: Final = "com.mongodb.kafka.connect.source.json.formatter."
_CHARACTERS: Final = "abcXYZ019 .:,-_/\\\"'{}[]\n\t\x00\x1f\x7fäßЖ中\u0301\u2028\ufeff😀"
_NAMES: Final = ("_id", "a", "b", "c.d", "ü", "x y", "n", "nested")


@pytest.fixture(scope="module")
def java() -> Iterator[MongoOracle]:
    with MongoOracle() as oracle:
        yield oracle


class Documents(random.Random):
    """Documents of every type that BSON still has, or (`is_plain`) of those that the server at hand takes.

    Numbers with a point have few digits, for older releases of Java.
    """

    is_plain = False

    def document(self, depth: int = 0) -> dict[str, Any]:
        names = self.sample(_NAMES, self.randint(0, 5))
        return {name: self.value(depth + 1) for name in names}

    def value(self, depth: int) -> Any:
        from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
        from bson.datetime_ms import DatetimeMS

        kinds: list[Callable[[], Any]] = [
            lambda: None,
            lambda: self.random() < 0.5,
            lambda: self.randint(-(2**31), 2**31 - 1),
            lambda: Int64(self.randint(-(2**63), 2**63 - 1)),
            lambda: self.choice([0.0, -0.0, 1.5, 1e10, -2.5e-5, 1e7, 1e-3, float("nan"), float("inf")]),
            self.text,
            lambda: ObjectId(self.randbytes(12)),
            lambda: DatetimeMS(self.choice([self.randint(-(10**12), 10**13), 0, -1, 1200, 10**15, -(10**14)])),
            lambda: Binary(self.randbytes(self.randint(0, 20)), self.choice([0, 4, 5, 128])),
            lambda: Decimal128(self.choice(["1.50", "-0.001", "1E+3", "0", "123456789012345678901234567890.1234"])),
            lambda: Regex(self.text().replace("\x00", ""), self.choice(["", "i", "im", "sx"])),
            lambda: Timestamp(self.randint(0, 2**31 - 1), self.randint(0, 1000)),
            lambda: self.choice([MinKey(), MaxKey(), Code("f()"), Code("g()", {"x": 1})]),
        ]
        if self.is_plain:
            kinds = [kinds[number] for number in (0, 1, 2, 3, 5, 6, 9)]
        if depth < 4:
            kinds += [
                lambda: self.document(depth),
                lambda: [self.value(depth + 1) for _ in range(self.randint(0, 3))],
                lambda: [self.randint(0, 9) for _ in range(self.randint(0, 3))],
                lambda: [self.document(depth) for _ in range(self.randint(0, 3))],
            ]
        return self.choice(kinds)()

    def text(self) -> str:
        return "".join(self.choices(_CHARACTERS, k=self.choice((0, 1, 3, 9))))

    def event(self) -> dict[str, Any]:
        """As the server's reference tells of them."""
        from bson import ObjectId, Timestamp
        from bson.datetime_ms import DatetimeMS

        key = {"_id": self.choice([1, "k", ObjectId(self.randbytes(12))])}
        event: dict[str, Any] = {
            "_id": {"_data": self.randbytes(20).hex().upper()},
            "operationType": self.choice(["insert", "update", "delete", "replace"]),
            "clusterTime": Timestamp(1_800_000_000, self.randint(1, 9)),
            "wallTime": DatetimeMS(1_800_000_000_123),
        }
        if event["operationType"] != "delete":
            event["fullDocument"] = self.document() | key
        event |= {"ns": {"db": "shop", "coll": "orders"}, "documentKey": key}
        if event["operationType"] == "update":
            arrays = [{"field": "a", "newSize": 2}]
            event["updateDescription"] = {
                "updatedFields": {name: each for name, each in self.document().items() if name != "_id"},
                "removedFields": ["x"],
                "truncatedArrays": arrays[: self.randint(0, 1)],
            }
        return event


def encoded(document: Any) -> str:
    return base64.b64encode(bson.encode(document, codec_options=CODEC)).decode()


def read(document: Any) -> Any:
    return bson.decode(bson.encode(document, codec_options=CODEC), CODEC)


def test_json_of_documents(java: MongoOracle) -> None:
    made = Documents(SEED)
    documents = [read(made.document()) for _ in range(CASES)]
    answers = java.ask(*({"ask": "json", "bson": encoded(document)} for document in documents))
    assert_all_same(documents, answers, lambda each: {"texts": [json_text(each, form) for form in FORMATTERS]})
    texts = [text for answer in answers for text in answer["texts"][:3]]
    parsed = java.ask(*({"ask": "parse", "text": text} for text in texts))
    assert_all_same(texts, parsed, lambda text: {"bson": encoded(parse_json(text))})


@pytest.mark.parametrize("formatter", ["DefaultJson", "ExtendedJson", "SimplifiedJson"])
@pytest.mark.parametrize("settings", [{}, {"output.schema.infer.value": "true"}])
def test_events_with_schemas(java: MongoOracle, formatter: str, settings: dict[str, str]) -> None:
    made = Documents(SEED + 1)
    config = {KEY_FORMAT: "schema", VALUE_FORMAT: "schema", "output.json.formatter": JAVA_FORMATTERS + formatter}
    config |= {"connection.uri": "mongodb://localhost", VALUE_SCHEMA: DEFAULT_VALUE_SCHEMA} | settings
    ours = CONFIG.parse(config)
    for of_key, output in ((True, key_output(ours)), (False, value_output(ours))):
        events = [read(made.event()) for _ in range(CASES // 4)]
        asked = {"ask": "output", "config": config, "of_key": of_key}
        answers = java.ask(*(asked | {"bson": encoded(event)} for event in events))

        def run(event: Any) -> dict[str, Any]:
            schema, value = output(event)  # noqa: B023  # called at once
            return {"schema": schema_on_wire(schema), "value": value_on_wire(schema, value)}

        assert_all_same(events, answers, run)


def test_documents_under_a_schema(java: MongoOracle) -> None:
    fields = [
        {"name": "_id", "type": ["null", "string"]}, {"name": "a", "type": "int", "default": 3},
        {"name": "b", "type": ["null", "double"]}, {"name": "c.d", "type": ["long", "null"]},
        {"name": "nested", "type": ["null", {"type": "map", "values": "string"}]}, {"name": "n", "type": "bytes"},
    ]  # fmt: skip
    schema = json.dumps({"type": "record", "name": "x", "namespace": "org.shop", "fields": fields})
    config = {VALUE_FORMAT: "schema", "output.schema.value": schema, "connection.uri": "mongodb://localhost"}
    output = value_output(CONFIG.parse(config))
    made = Documents(SEED + 2)
    documents = [read(made.document()) for _ in range(CASES * 4)]
    asked = {"ask": "output", "config": config, "of_key": False}
    answers = java.ask(*(asked | {"bson": encoded(document)} for document in documents))
    assert sum("error" not in answer for answer in answers) > 20

    def run(document: Any) -> dict[str, Any]:
        made_schema, value = output(document)
        return {"schema": schema_on_wire(made_schema), "value": value_on_wire(made_schema, value)}

    # Which of Java's errors it is differs (a class of Connect's, or of Kafka's data): that there is one must not.
    for document, answer in zip(documents, answers, strict=True):
        own = outcome(lambda: run(document))  # noqa: B023  # called at once
        assert ("error" in own) == ("error" in answer), (document, own, answer)
        if "error" not in own:
            assert_same(own, answer)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"topic.prefix": "p", "topic.suffix": "s", "topic.separator": "-"},
        {
            "topic.namespace.map": '{"a": "two", "a.b": "one", "/x\\\\d(\\\\..*)?": "{coll_sep}{db}{sep}", '
            '"*": "r", "z.c": ""}'
        },
        {"topic.namespace.map": '{"/.*": "t{sep_coll}", "/a.*": "never", "b": "t{x"}', "topic.prefix": "q"},
        {"topic.namespace.map": '{"/(a|b)": "{sep_coll_sep}", "c/d": "x"}'},
        {"topic.namespace.map": '{"/a\\\\.b": "{nothing}"}'},
        {"topic.namespace.map": '{"/(": "x"}'},
    ],
)  # fmt: skip
def test_topics(java: MongoOracle, config: dict[str, str]) -> None:
    config = {"connection.uri": "mongodb://localhost"} | config
    names = [("a", "b"), ("a", "c"), ("a", ""), ("x1", "c"), ("x1", ""), ("z", "c"), ("b", "x"), ("", "")]
    events = [{"ns": {"db": database, "coll": collection}} for database, collection in names]
    answers = java.ask(*({"ask": "topic", "config": config, "bson": encoded(event)} for event in events))
    given = CONFIG.parse(config)
    for event, answer in zip(events, answers, strict=True):
        try:
            mapper = TopicMapper(
                *(given[f"topic.{part}"] for part in ("prefix", "suffix", "separator", "namespace.map"))
            )
        except ValueError:
            assert "error" in answer, answer
        else:
            assert answer == {"topic": mapper.topic(event)}


# Against a server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with MongoServer(tmp_path_factory.mktemp("mongodb")) as started:
        yield started


SINK = "com.mongodb.kafka.connect.sink."
ROW = (
    SchemaBuilder.struct()
    .field("id", INT32_SCHEMA)
    .field("name", OPTIONAL_STRING_SCHEMA)
    .field("tags", SchemaBuilder.array(STRING_SCHEMA).optional().build())
    .field("more", SchemaBuilder.map(STRING_SCHEMA, INT64_SCHEMA).optional().build())
    .build()
)
KEY = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("part", STRING_SCHEMA).build()
SINKS: Final[list[dict[str, str]]] = [
    {"document.id.strategy": "FullKeyStrategy", "delete.on.null.values": "true"},
    {"document.id.strategy": "KafkaMetaDataStrategy", "writemodel.strategy": "InsertOneDefaultStrategy"},
    {
        "document.id.strategy": "PartialKeyStrategy",
        "key.projection.type": "AllowList",
        "key.projection.list": "part",
        "writemodel.strategy": "UpdateOneDefaultStrategy",
        "post.processor.chain": "DocumentIdAdder,NullFieldValueRemover",
    },
    {
        "document.id.strategy": "ProvidedInKeyStrategy",
        "post.processor.chain": "RenameByMapping,DocumentIdAdder,KafkaMetaAdder,BlockListValueProjector",
        "field.renamer.mapping": '[{"oldName": "key.id", "newName": "_id"}, '
        '{"oldName": "value.name", "newName": "tags"}]',
        "value.projection.list": "more.a, tags",
        "value.projection.type": "BlockList",
    },
    {
        "document.id.strategy": "FullKeyStrategy",
        "post.processor.chain": "RenameByRegExp,DocumentIdAdder,AllowListValueProjector",
        "field.renamer.regexp": '[{"regexp": "^value\\\\..*a.*$", "pattern": "a(.)", "replace": "$1-a"}]',
        "value.projection.list": "_id.**, n*, ma-ore, *.b",
        "value.projection.type": "AllowList",
    },
]  # fmt: skip
CLASSES: Final = {
    "document.id.strategy": "processor.id.strategy.",
    "writemodel.strategy": "writemodel.strategy.",
    "change.data.capture.handler": "cdc.",
}


def java_config(config: dict[str, str]) -> dict[str, str]:
    """With the whole names of its classes."""
    full = {name: SINK + CLASSES[name] + text if name in CLASSES else text for name, text in config.items()}
    if "post.processor.chain" in full:
        places = {"RenameBy": "processor.field.renaming."}
        names = [places.get(name[:8], "processor.") + name for name in full["post.processor.chain"].split(",")]
        full["post.processor.chain"] = ",".join(SINK + name for name in names)
    return full


@pytest.mark.parametrize("number", range(len(SINKS)))
def test_documents_that_a_sink_writes(java: MongoOracle, server: MongoServer, number: int) -> None:
    values: list[Any] = [
        Struct(ROW, id=1, name="a", tags=["x"], more={"a": 1, "b": 2}), Struct(ROW, id=2),
        '{"n": {"$numberLong": "5"}, "name": null, "d": {"$date": "2026-11-29T00:00:00Z"}}',
        Struct(ROW, id=3, name="b"),
    ]  # fmt: skip
    keys = [Struct(KEY, id=each % 3, part="p") for each in range(len(values))]
    if "delete.on.null.values" in SINKS[number]:
        values, keys = [*values, None], [*keys, keys[0]]
    _compare(java, server, SINKS[number], values, keys, KEY)


HANDLERS: Final = ["debezium.rdbms.postgres.PostgresHandler", "debezium.rdbms.mysql.MysqlHandler"]


@pytest.mark.parametrize("handler", HANDLERS)
def test_documents_of_a_table(java: MongoOracle, server: MongoServer, handler: str) -> None:
    envelope = SchemaBuilder.struct()
    optional = SchemaBuilder.like(ROW)
    for field in ROW.fields:
        optional.field(field.name, field.schema)
    row = optional.optional().build()
    schema = envelope.field("before", row).field("after", row).field("op", STRING_SCHEMA).build()

    def change(op: str, before: Any, after: Any) -> Struct:
        def made(values: Any) -> Struct | None:
            return None if values is None else Struct(row, **values)

        return Struct(schema, op=op, before=made(before), after=made(after))

    one, two = {"id": 1, "name": "a"}, {"id": 2, "tags": ["x"]}
    values = [change("c", None, one), change("r", None, two), change("u", one, one | {"name": None}),
              change("d", two, None), None]  # fmt: skip
    key = SchemaBuilder.struct().field("id", INT32_SCHEMA).build()
    keys = [Struct(key, id=each) for each in (1, 2, 1, 2, 2)]
    config = {"change.data.capture.handler": handler}
    _compare(java, server, config, values, keys, key)


def test_documents_of_change_events(java: MongoOracle, server: MongoServer) -> None:
    made = Documents(SEED + 3)
    made.is_plain = True
    texts = [json_text(read(made.event()), EXTENDED).replace("c.d", "cd") for _ in range(60)]
    config = {"change.data.capture.handler": "mongodb.ChangeStreamHandler", "errors.tolerance": "all"}
    _compare(java, server, config, texts, [None] * len(texts), None)


def _compare(
    java: MongoOracle, server: MongoServer, config: dict[str, str], values: list[Any], keys: list[Any], schema: Any
) -> None:
    """What Java's sink and ours leave in two databases."""
    base = {"connection.uri": server.uri, "topics": "things", "name": "s"}
    ours = Sink(MongoSinkConnector, base | config | {"database": "ours"}, reports=True)
    records = ours.records(*values, keys=keys, key_schema=schema)
    asked = {"ask": "put", "config": base | java_config(config) | {"database": "java"}}
    with server.client() as client:
        for name in ("ours", "java"):
            client.drop_database(name)
        (answer,) = java.ask(asked | {"records": [record_on_wire(record) for record in records]})
        assert "error" not in answer, answer
        ours.deliver(records)
        options = {"codec_options": CODEC}
        found = {
            name: list(client[name].get_collection("things", **options).find(sort=[("_id", 1)]))
            for name in ("ours", "java")
        }
    assert found["ours"], "nothing was written"
    assert [json_text(each, EXTENDED) for each in found["ours"]] == [
        json_text(each, EXTENDED) for each in found["java"]
    ]
    assert [record.kafka_offset for record, _ in ours.rejected] == answer["refused"]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"output.format.key": "bson", "output.format.value": "bson", "topic.prefix": "p"},
        {
            "output.format.key": "schema", "output.format.value": "schema", VALUE_SCHEMA: DEFAULT_VALUE_SCHEMA,
            "change.stream.full.document": "updateLookup",
        },
        {
            "publish.full.document.only": "true", "publish.full.document.only.tombstone.on.delete": "true",
            "output.format.value": "schema", "output.schema.infer.value": "true",
        },
        {"output.json.formatter": f"{JAVA_FORMATTERS}SimplifiedJson", "change.stream.document.key.as.key": "false"},
        {"startup.mode": "copy_existing", "startup.mode.copy.existing.pipeline": '[{"$match": {"n": {"$gt": 1}}}]'},
    ],
)  # fmt: skip
def test_records_of_a_source(java: MongoOracle, server: MongoServer, config: dict[str, str]) -> None:
    with server.client() as client:
        orders = client["shop"]["orders"]
        orders.drop()
        orders.insert_many([{"_id": number, "n": number, "text": "x" * number} for number in range(6)])
        orders.update_one({"_id": 2}, {"$set": {"n": 20}})
        orders.replace_one({"_id": 3}, {"new": True})
        orders.delete_one({"_id": 4})
    base = {
        "connection.uri": server.uri, "database": "shop", "collection": "orders", "poll.await.time.ms": "20",
        "startup.mode": "timestamp", "startup.mode.timestamp.start.at.operation.time": "0",
        "pipeline": '[{"$match": {"operationType": {"$ne": "drop"}}}, '
        '{"$addFields": {"ns": {"db": "shop", "coll": "orders"}}}]',
    }  # fmt: skip
    config = base | config
    first = Source(MongoSourceConnector, config)
    mine = first.take(1)
    wait = first.poll()
    while wait:
        mine += wait
        wait = first.poll()
    (answer,) = java.ask({"ask": "poll", "config": config, "offset": None, "count": len(mine)})
    assert "error" not in answer, answer
    assert [_told(record) for record in mine] == answer["records"]
    if config["startup.mode"] == "copy_existing":
        assert [record.source_offset["copy"] for record in mine if record.source_offset] == ["true", "true"]
        return
    offsets = StoredOffsets()
    offsets.store(mine[-3])
    again = Source(MongoSourceConnector, config, offsets).take(2)
    asked = {"ask": "poll", "config": config, "offset": mine[-3].source_offset, "count": 2}
    (answer,) = java.ask(asked)
    assert [_told(record) for record in again] == answer["records"]


def _told(record: Any) -> Any:
    told = record_on_wire(record)
    return told | {"source_partition": record.source_partition, "source_offset": record.source_offset}
