"""Converters over a real registry of ours and a real node: others read what they write, and they what others do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from tests.conftest import TEST_SETTINGS
from tests.connect.test_protobuf import PROTO
from tests.peers.ottla_node import OttlaNode
from tests.peers.registry import RegistryProcess

from ottla.connect.api.errors import ConfigError, DataError, RetriableError
from ottla.connect.data.logical import instant, timestamp_builder
from ottla.connect.data.schema import INT32_SCHEMA, OPTIONAL_STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.lake.converter import LakeConverter
from ottla.connect.registered.avro_converter import AvroConverter
from ottla.connect.registered.json_schema_converter import JsonSchemaConverter
from ottla.connect.registered.protobuf_converter import ProtobufConverter
from ottla.registry.client.protobuf import message_class, message_class_of
from ottla.registry.client.registry_client import RegistryClient
from ottla.registry.schema.protobuf.parser import parse_proto

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.data.schema import Schema

VALUE = SerializationContext("orders", MessageField.VALUE)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("registered")
    with (
        OttlaNode(folder / "node", TEST_SETTINGS) as node,
        RegistryProcess(folder / "registry", node.address) as process,
    ):
        yield process.url


def order_schema() -> Schema:
    builder = SchemaBuilder.struct().name("org.example.Order").field("id", INT32_SCHEMA)
    return builder.field("note", OPTIONAL_STRING_SCHEMA).field("at", timestamp_builder().build()).build()


def converter(registry: str, **settings: str) -> AvroConverter:
    made = AvroConverter()
    made.configure({"converter.type": "value", "schema.registry.url": registry} | settings)
    return made


def test_avro_that_others_read_and_write(registry: str) -> None:
    schema = order_schema()
    order = Struct(schema, id=7, note="x", at=instant(86_400_000))
    data = converter(registry).from_connect_data("orders", schema, order)
    client = SchemaRegistryClient({"url": registry})
    read: Any = AvroDeserializer(client)(data, VALUE)
    assert read == {"id": 7, "note": "x", "at": instant(86_400_000)}
    text = client.get_latest_version("orders-value").schema.schema_str
    written = AvroSerializer(client, text)({"id": 8, "note": None, "at": instant(0)}, VALUE)
    found = converter(registry).to_connect_data("orders", written)
    assert found.schema is not None
    assert (found.schema.name, found.schema.version) == ("org.example.Order", 1)
    assert isinstance(found.value, Struct)
    assert (found.value["id"], found.value["note"], found.value["at"]) == (8, None, instant(0))


def test_json_that_others_read_and_write(registry: str) -> None:
    schema = order_schema()
    made = JsonSchemaConverter()
    made.configure({"converter.type": "value", "schema.registry.url": registry})
    data = made.from_connect_data("notes", schema, Struct(schema, id=7, at=instant(1)))
    client = SchemaRegistryClient({"url": registry})
    context = SerializationContext("notes", MessageField.VALUE)
    latest = client.get_latest_version("notes-value")
    read: Any = JSONDeserializer(latest.schema.schema_str, schema_registry_client=client)(data, context)
    assert read == {"id": 7, "note": None, "at": 1}
    serializer = JSONSerializer(latest.schema.schema_str, client, conf={"auto.register.schemas": False})
    found = made.to_connect_data("notes", serializer({"id": 8, "note": "x", "at": 5}, context))
    assert found.schema is not None
    assert (found.schema.name, found.schema.version) == ("org.example.Order", 1)
    assert isinstance(found.value, Struct)
    assert (found.value["id"], found.value["note"], found.value["at"]) == (8, "x", instant(5))


def test_protobuf_that_others_read_and_write(registry: str) -> None:
    schema = order_schema()
    made = ProtobufConverter()
    made.configure({"converter.type": "value", "schema.registry.url": registry})
    data = made.from_connect_data("messages", schema, Struct(schema, id=7, note="x", at=instant(86_400_250)))
    assert data is not None
    client = SchemaRegistryClient({"url": registry})
    latest = client.get_latest_version("messages-value")
    assert latest.schema_id is not None
    message = message_class(RegistryClient(registry), latest.schema_id, (0,))
    context = SerializationContext("messages", MessageField.VALUE)
    conf = {"use.deprecated.format": False}
    read: Any = ProtobufDeserializer(message, conf, client)(data, context)
    assert (read.id, read.note, read.at.seconds, read.at.nanos) == (7, "x", 86_400, 250_000_000)
    client = SchemaRegistryClient({"url": registry})  # the other one remembers the text, and wants a descriptor
    serializer = ProtobufSerializer(
        message, client, conf | {"auto.register.schemas": False, "use.latest.version": True}
    )
    assert serializer(read, context) == data
    found = made.to_connect_data("messages", serializer(message(id=8), context))
    assert found.schema is not None
    assert (found.schema.name, found.schema.version) == ("Order", 1)
    assert isinstance(found.value, Struct)
    assert (found.value["id"], found.value["note"], found.value["at"]) == (8, "", None)


@pytest.mark.parametrize("settings", [{}, {"wrapper.for.nullables": "true"}, {"flatten.unions": "true"}])
def test_protobuf_of_others_comes_and_goes(registry: str, settings: dict[str, str]) -> None:
    """Their schema, their data: through Connect into another topic, where they read it as it was."""
    message = message_class_of(parse_proto(PROTO), 0)
    client = SchemaRegistryClient({"url": registry})
    conf = {"use.deprecated.format": False}
    source, target = f"theirs-{len(settings)}-{''.join(settings)}", f"ours-{len(settings)}-{''.join(settings)}"
    written = message(
        inner={"f": 0.5},
        number=0,
        colour=5,
        colours=[0, 5],
        u32=2**32 - 1,
        f64=2**64 - 2,
        s32=-3,
        raw=b"\0",
        told=False,
    )
    written.inners["k"].f = 1.5
    written.numbers[-1] = 2.5
    serializer = ProtobufSerializer(message, client, conf)
    data = serializer(written, SerializationContext(source, MessageField.VALUE))
    made = ProtobufConverter()
    made.configure({"converter.type": "value", "schema.registry.url": registry} | settings)
    schema, value = made.to_connect_data(source, data)
    assert isinstance(value, Struct)
    assert (value["colour"], value["u32"], value["numbers"]) == ("GREEN", 2**32 - 1, {-1: 2.5})
    again = made.from_connect_data(target, schema, value)
    assert again is not None
    latest = client.get_latest_version(f"{target}-value")
    assert latest.schema_id is not None
    theirs = message_class(RegistryClient(registry), latest.schema_id, (0,))
    read: Any = ProtobufDeserializer(theirs, conf, client)(again, SerializationContext(target, MessageField.VALUE))
    assert (read.inner.f, read.number, read.colour, list(read.colours)) == (0.5, 0, 5, [0, 5])
    assert (read.u32, read.f64, read.s32, read.raw) == (2**32 - 1, 2**64 - 2, -3, b"\0")
    assert {each.key: each.value.f for each in read.inners} == {"k": 1.5}
    assert {each.key: each.value for each in read.numbers} == {-1: 2.5}
    # Fields keep their numbers, so that whoever has the first schema reads the data, too.
    assert message.FromString(again[6:]).inner.f == 0.5


def test_lone_values_of_protobuf(registry: str) -> None:
    made = ProtobufConverter()
    made.configure({"converter.type": "key", "schema.registry.url": registry})
    for schema, value in ((OPTIONAL_STRING_SCHEMA, "key"), (INT32_SCHEMA, -1)):
        found = made.to_connect_data("lone", made.from_connect_data("lone", schema, value))
        assert found.schema is not None
        assert (found.schema.type, found.value) == (schema.type, value)
    assert made.from_connect_data("lone", OPTIONAL_STRING_SCHEMA, None) is None
    with pytest.raises(DataError, match="without a schema"):
        made.from_connect_data("lone", None, {"a": 1})
    with pytest.raises(DataError, match="no message of Protobuf"):
        made.from_connect_data("lone", timestamp_builder().build(), instant(0))


def test_data_without_a_schema_and_tombstones(registry: str) -> None:
    made = converter(registry)
    value = {"a": [1, "x", None, 2.5], "b": {"c": True}}
    data = made.from_connect_data("plain", None, value)
    assert made.to_connect_data("plain", data) == (None, value)
    assert made.from_connect_data("plain", None, None) is None
    assert made.to_connect_data("plain", None) == (None, None)


def test_what_the_registry_refuses_is_an_error(registry: str) -> None:
    made = converter(registry, **{"auto.register.schemas": "false"})
    with pytest.raises(DataError, match="nowhere"):
        made.from_connect_data("nowhere", INT32_SCHEMA, 1)
    with pytest.raises(DataError, match="does not begin with a schema's id"):
        made.to_connect_data("nowhere", b"hello")
    with pytest.raises(DataError, match="4711"):
        made.to_connect_data("nowhere", b"\0\0\0" + (4711).to_bytes(2, "big") + b"\2")


def test_a_registry_that_is_away_may_come_back() -> None:
    made = converter("http://127.0.0.1:1")
    with pytest.raises(RetriableError, match="orders"):
        made.from_connect_data("orders", INT32_SCHEMA, 1)


def lake_converter(part: str = "value", **settings: str) -> LakeConverter:
    made = LakeConverter()
    made.configure({"converter.type": part} | {key.replace("_", "."): text for key, text in settings.items()})
    return made


@pytest.mark.parametrize("kind", [AvroConverter, JsonSchemaConverter, ProtobufConverter])
def test_a_lake_reads_every_kind_of_schema_by_itself(registry: str, kind: Any) -> None:
    schema = SchemaBuilder.struct().name("Lake").field("id", INT32_SCHEMA).field("note", OPTIONAL_STRING_SCHEMA).build()
    writer = kind()
    writer.configure({"converter.type": "value", "schema.registry.url": registry})
    data = writer.from_connect_data(f"lake-{kind.__name__}", schema, Struct(schema, id=7, note="x"))
    for form in ("auto", "registry"):
        reader = lake_converter(schema_registry_url=registry, format=form)
        for _ in range(2):
            read: Any = reader.to_connect_data(f"lake-{kind.__name__}", data).value
            assert (read.get("id"), read.get("note")) == (7, "x")


def test_a_lake_reads_what_has_no_schema(registry: str) -> None:
    auto = lake_converter(schema_registry_url=registry)
    unknown = b"\0\0\0\0A"
    for data, expected in (
        (b'{"b":1,"a":2}', {"b": 1, "a": 2}),
        (b"{no", "{no"),
        (b"[1]", "[1]"),
        (unknown, unknown.decode()),
        (None, None),
    ):
        assert auto.to_connect_data("t", data).value == expected
    assert lake_converter("key").to_connect_data("t", b'{"a": 1}').value == '{"a": 1}'
    assert lake_converter(format="bytes").to_connect_data("t", b"\xff").value == b"\xff"
    assert lake_converter(format="json").to_connect_data("t", b"[1]").value == [1]
    for settings, data, why in (
        ({}, b"\xff", "the value is no text: .* --value-format bytes"),
        ({"format": "json"}, b"{no", "it is no JSON"),
        (
            {"format": "registry", "schema_registry_url": registry},
            unknown,
            "the id of a schema that the registry knows",
        ),
    ):
        with pytest.raises(DataError, match=why):
            lake_converter(**settings).to_connect_data("t", data)
    with pytest.raises(ConfigError, match="where a registry is"):
        lake_converter(format="registry")
    with pytest.raises(RetriableError, match="cannot be asked"):
        lake_converter(schema_registry_url="http://127.0.0.1:9").to_connect_data("t", unknown)
