"""confluent-kafka's client of schema registries and its serializers, against ours beside Ottla and Apache Kafka."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.schema_registry import (
    ConfigCompatibilityLevel,
    Metadata,
    MetadataProperties,
    Rule,
    RuleKind,
    RuleMode,
    RuleSet,
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    ServerConfig,
    header_schema_id_serializer,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.schema_registry.rules.cel.cel_executor import CelExecutor
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from google.protobuf import timestamp_pb2  # noqa: F401 (its file is looked for by name)
from tests.conformance.proto_messages import message_classes
from tests.peers.process import wait_for
from tests.peers.registry import RegistryProcess

from ottla.registry.client import avro, json_schema, protobuf
from ottla.registry.client.framing import Framing
from ottla.registry.client.registry_client import RegistryClient
from ottla.registry.client.registry_client import Schema as OurSchema
from ottla.registry.client.subject_names import topic_record_name
from ottla.registry.schema.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import NodeFactory
    from tests.peers.process import NodeProcess

SUIT = json.dumps({"type": "enum", "name": "Suit", "namespace": "cards", "symbols": ["HEARTS", "SPADES"]})
CARD = json.dumps(
    {
        "type": "record",
        "name": "Card",
        "namespace": "cards",
        "fields": [{"name": "suit", "type": "cards.Suit"}, {"name": "rank", "type": "int"}],
    }
)
PERSON = json.dumps(
    {"$id": "http://example.com/person.json", "type": "object", "properties": {"name": {"type": "string"}}}
)
ORDER = json.dumps(
    {
        "$id": "http://example.com/order.json",
        "title": "Order",
        "type": "object",
        "properties": {"who": {"$ref": "http://example.com/person.json"}, "count": {"type": "integer", "minimum": 1}},
        "required": ["count"],
    }
)
FILES = {
    "money.proto": 'syntax = "proto3"; package shop; message Money { string currency = 1; int64 cents = 2; }',
    "order.proto": """
        syntax = "proto3";
        package shop;
        import "money.proto";
        import "google/protobuf/timestamp.proto";
        message Other { int32 x = 1; }
        message Order {
          enum State { NEW = 0; PAID = 1; }
          message Line { string article = 1; optional int32 count = 2; }
          int64 id = 1;
          Money price = 2;
          repeated Line lines = 3;
          map<string, Money> extras = 4;
          State state = 5;
          oneof how { string card = 6; bool cash = 7; }
          google.protobuf.Timestamp at = 8;
        }
    """,
}


@pytest.fixture(
    scope="module",
    params=[pytest.param("node", id="ottla"), pytest.param("kafka_node", marks=pytest.mark.java, id="kafka")],
)
def registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    node: NodeProcess = request.getfixturevalue(request.param)
    with RegistryProcess(tmp_path_factory.mktemp("registry"), node.address) as process:
        yield process


@pytest.fixture
def client(registry: RegistryProcess) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": registry.url})


def code_of(error: pytest.ExceptionInfo[SchemaRegistryError]) -> tuple[int, int]:
    return error.value.http_status_code, error.value.error_code


def test_the_clients_operations(client: SchemaRegistryClient) -> None:
    text = '{"type":"record","name":"R","fields":[{"name":"x","type":"int"}]}'
    schema_id = client.register_schema("ops-value", Schema(text, "AVRO"))
    assert client.get_schema(schema_id).schema_str == text
    found = client.lookup_schema("ops-value", Schema(text, "AVRO"))
    assert (found.subject, found.version, found.schema_id) == ("ops-value", 1, schema_id)
    assert found.guid is not None and client.get_schema_by_guid(found.guid).schema_str == text
    assert client.get_latest_version("ops-value").version == 1
    assert client.get_version("ops-value", 1).schema_id == schema_id
    assert client.get_versions("ops-value") == [1]
    assert "ops-value" in client.get_subjects()
    assert client.get_subjects_by_schema_id(schema_id) == ["ops-value"]
    assert [each.subject for each in client.get_schema_versions(schema_id)] == ["ops-value"]
    assert sorted(client.get_schema_types()) == ["AVRO", "JSON", "PROTOBUF"]
    assert "." in client.get_contexts()
    wrong = Schema(text.replace('"int"', '"string"'), "AVRO")
    assert not client.test_compatibility("ops-value", wrong)
    assert client.test_compatibility_all_versions("ops-value", Schema(text.replace('"int"', '"long"'), "AVRO"))
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("ops-value", wrong)
    assert code_of(refused) == (409, 40901)
    assert client.get_compatibility() == "BACKWARD"
    client.set_compatibility("ops-value", "NONE")
    assert client.get_compatibility("ops-value") == "NONE"
    assert client.register_schema("ops-value", wrong) != schema_id
    client.set_config("ops-value", ServerConfig(compatibility=ConfigCompatibilityLevel.FULL, compatibility_group="g"))
    assert client.get_config("ops-value").compatibility_level == "FULL"
    client.delete_config("ops-value")
    client.update_mode("ops-value", "READONLY")
    assert client.get_mode("ops-value") == "READONLY"
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("ops-value", Schema('"bytes"', "AVRO"))
    assert code_of(refused) == (422, 42205)
    client.update_mode("ops-value", "READWRITE")
    assert client.delete_version("ops-value", 1) == 1
    assert client.delete_subject("ops-value") == [2]
    assert client.delete_subject("ops-value", permanent=True) == [1, 2]
    with pytest.raises(SchemaRegistryError) as refused:
        SchemaRegistryClient({"url": registry_url(client)}).get_latest_version("ops-value")
    assert code_of(refused) == (404, 40401)


def test_avro_serializers_with_references_and_rules(client: SchemaRegistryClient) -> None:
    CelExecutor.register()  # type: ignore[no-untyped-call]
    client.register_schema("suits", Schema(SUIT, "AVRO"))
    rule = Rule(
        name="rank", doc=None, kind=RuleKind.CONDITION, mode=RuleMode.WRITE, type="CEL", tags=None, params=None,
        expr="message.rank <= 13", on_success=None, on_failure=None, disabled=False,
    )  # fmt: skip
    schema = Schema(
        CARD,
        "AVRO",
        [SchemaReference("cards.Suit", "suits", 1)],
        Metadata(tags=None, properties=MetadataProperties({"owner": "ada"}), sensitive=None),
        RuleSet(domain_rules=[rule], migration_rules=None),
    )
    client.register_schema("cards-value", schema)
    serializer = AvroSerializer(client, conf={"auto.register.schemas": False, "use.latest.version": True})
    context = SerializationContext("cards", MessageField.VALUE)
    data = serializer({"suit": "SPADES", "rank": 7}, context)
    assert AvroDeserializer(client)(data, context) == {"suit": "SPADES", "rank": 7}
    with pytest.raises(SerializationError):
        serializer({"suit": "SPADES", "rank": 14}, context)
    conf = {"use.latest.with.metadata": {"owner": "ada"}, "auto.register.schemas": False}
    assert AvroSerializer(client, conf=conf)({"suit": "HEARTS", "rank": 1}, context) is not None
    ours = avro.AvroDeserializer(RegistryClient(registry_url(client)))
    assert ours("cards", data) == {"suit": "SPADES", "rank": 7}


def test_json_serializers_with_references(client: SchemaRegistryClient) -> None:
    client.register_schema("persons", Schema(PERSON, "JSON"))
    schema = Schema(ORDER, "JSON", [SchemaReference("http://example.com/person.json", "persons", 1)])
    serializer = JSONSerializer(schema, client, conf={"normalize.schemas": True})
    context = SerializationContext("json-orders", MessageField.VALUE)
    value = {"who": {"name": "Ottla"}, "count": 2}
    data = serializer(value, context)
    assert JSONDeserializer(None, schema_registry_client=client)(data, context) == value
    with pytest.raises(SerializationError):
        serializer({"count": 0}, context)
    with pytest.raises(SerializationError):
        serializer({"who": {"name": 7}, "count": 1}, context)
    assert json_schema.JsonDeserializer(RegistryClient(registry_url(client)))("json-orders", data) == value


def test_protobuf_serializers_with_references(client: SchemaRegistryClient) -> None:
    classes = message_classes(FILES)
    order = an_order(classes)
    context = SerializationContext("proto-orders", MessageField.VALUE)
    data = ProtobufSerializer(classes["shop.Order"], client)(order, context)
    assert data is not None
    assert ProtobufDeserializer(classes["shop.Order"], {}, client)(data, context) == order
    stored = client.get_latest_version("proto-orders-value").schema
    assert stored.schema_type == "PROTOBUF" and "map<string, .shop.Money> extras = 4" in (stored.schema_str or "")
    assert [each.name for each in stored.references or []] == ["money.proto"]
    assert client.get_referenced_by("money.proto", 1) == [client.get_latest_version("proto-orders-value").schema_id]
    again = protobuf.ProtobufDeserializer(RegistryClient(registry_url(client)))("proto-orders", data)
    assert again.SerializeToString(deterministic=True) == order.SerializeToString(deterministic=True)
    assert ProtobufSerializer(classes["shop.Order.Line"], client)(classes["shop.Order.Line"](article="a"), context)


def test_guids_in_headers(client: SchemaRegistryClient) -> None:
    conf = {"schema.id.serializer": header_schema_id_serializer}
    headers: list[Any] = []
    context = SerializationContext("headers", MessageField.VALUE, headers)
    data = AvroSerializer(client, SUIT, conf=conf)("HEARTS", context)
    assert data == b"\0" and headers[0][0] == "__value_schema_id" and headers[0][1][0] == 1
    ours = RegistryClient(registry_url(client))
    assert avro.AvroDeserializer(ours)("headers", data, headers) == "HEARTS"
    assert avro.AvroSerializer(Framing(ours), SUIT).with_header("headers", "HEARTS") == (data, headers[0])


def test_our_serializers_are_read_by_the_client(client: SchemaRegistryClient) -> None:
    ours = RegistryClient(registry_url(client))
    context = SerializationContext("ours", MessageField.VALUE)
    ours.register("our-suits", OurSchema(SUIT))
    framing = Framing(ours, subject_name=topic_record_name)
    card = OurSchema(CARD, references=(Reference("cards.Suit", "our-suits", 1),))
    data = avro.AvroSerializer(framing, card)("ours", {"suit": "HEARTS", "rank": 3})
    assert AvroDeserializer(client)(data, context) == {"suit": "HEARTS", "rank": 3}
    assert client.get_versions("ours-cards.Card") == [1]

    ours.register("our-persons", OurSchema(PERSON, "JSON"))
    order = OurSchema(ORDER, "JSON", (Reference("http://example.com/person.json", "our-persons", 1),))
    serializer = json_schema.JsonSerializer(framing, order)
    data = serializer("ours", {"count": 1, "who": {"name": "Franz"}})
    assert JSONDeserializer(None, schema_registry_client=client)(data, context)["who"] == {"name": "Franz"}
    with pytest.raises(json_schema.InvalidValueError):
        serializer("ours", {"count": 0})

    classes = message_classes(FILES)
    message = an_order(classes)
    data = protobuf.ProtobufSerializer(Framing(ours), classes["shop.Order"])("our-orders", message)
    assert data is not None
    where = SerializationContext("our-orders", MessageField.VALUE)
    assert ProtobufDeserializer(classes["shop.Order"], {}, client)(data, where) == message


def test_everything_is_there_after_a_restart(registry: RegistryProcess, client: SchemaRegistryClient) -> None:
    schema_id = client.register_schema("restarted", Schema('"int"', "AVRO"))
    client.set_compatibility("restarted", "FULL")
    before = {subject: client.get_versions(subject) for subject in client.get_subjects()}
    registry.restart()
    fresh = SchemaRegistryClient({"url": registry.url})
    assert {subject: fresh.get_versions(subject) for subject in fresh.get_subjects()} == before
    assert fresh.get_schema(schema_id).schema_str == '"int"'
    assert fresh.get_compatibility("restarted") == "FULL"
    assert fresh.register_schema("restarted-too", Schema('"int"', "AVRO")) == schema_id


@pytest.mark.timeout(90)
def test_two_instances_and_the_death_of_the_leader(own_node: NodeFactory, tmp_path: Path) -> None:
    node = own_node({"group.min.session.timeout.ms": "500"})
    options = ("--session-timeout-ms", "1500")
    instances = [RegistryProcess(tmp_path / name, node.address, *options) for name in ("one", "two")]
    with instances[0]:
        SchemaRegistryClient({"url": instances[0].url}).set_compatibility(level="BACKWARD")
        instances[1].start()
        clients = [SchemaRegistryClient({"url": each.url, "max.retries": 0}) for each in instances]
        ids = [clients[at % 2].register_schema(f"s-{at}", Schema(_numbered(at), "AVRO")) for at in range(6)]
        assert ids == [1, 2, 3, 4, 5, 6]
        assert all(len(SchemaRegistryClient({"url": each.url}).get_subjects()) == 6 for each in instances[:1])
        written: dict[int, int] = {}
        failures = _write_through_all(clients, written)
        leader, survivor = instances  # the first one to come leads until it goes
        leader.kill()
        late = SchemaRegistryClient({"url": survivor.url, "max.retries": 0})

        def works() -> bool:
            try:
                return late.register_schema("late", Schema('"bytes"', "AVRO")) > 0
            except SchemaRegistryError:
                return False

        wait_for(works, "another leader", 30)
        assert failures == []
        for at, schema_id in written.items():
            assert late.get_schema(schema_id).schema_str == Schema(_numbered(at), "AVRO").schema_str
        assert len(set(written.values())) == len(written)
        leader.start()
        back = SchemaRegistryClient({"url": leader.url})
        assert back.get_latest_version("late").schema_id == late.get_latest_version("late").schema_id
        assert back.register_schema("late-2", Schema('"string"', "AVRO")) > max(written.values())
        instances[1].stop()


def test_the_registry_outlives_its_cluster(own_node: NodeFactory, tmp_path: Path) -> None:
    node = own_node({"group.min.session.timeout.ms": "500"})
    with RegistryProcess(tmp_path / "registry", node.address, "--session-timeout-ms", "1500") as registry:
        client = SchemaRegistryClient({"url": registry.url, "max.retries": 0})
        before = client.register_schema("before", Schema('"int"', "AVRO"))
        node.kill()
        assert SchemaRegistryClient({"url": registry.url}).get_schema(before).schema_str == '"int"'
        node.start()

        def works() -> bool:
            try:
                return client.register_schema("after", Schema('"long"', "AVRO")) == before + 1
            except SchemaRegistryError:
                return False

        wait_for(works, "a registration after the node is back", 30)
        assert client.get_versions("before") == [1]


def test_two_leaders_at_once_give_no_id_twice(own_node: NodeFactory, tmp_path: Path) -> None:
    """Instances of two groups both lead, as one does that was cut off and does not know it yet."""
    node = own_node()
    instances = [RegistryProcess(tmp_path / name, node.address, "--group", name) for name in ("one", "two")]
    with instances[0], instances[1]:
        clients = [SchemaRegistryClient({"url": each.url, "max.retries": 0}) for each in instances]
        written: dict[int, int] = {}
        failures = _write_through_all(clients, written)
        assert all(error.http_status_code == 500 for error in failures if isinstance(error, SchemaRegistryError))
        assert len(set(written.values())) == len(written) > 30
        assert any("taken back" in each.output for each in instances)
        with RegistryProcess(tmp_path / "three", node.address, "--group", "three") as later:
            told = []
            for each in (*instances, later):
                fresh = SchemaRegistryClient({"url": each.url})
                fresh.register_schema(f"last-of-{each.address}", Schema('"int"', "AVRO"))
                for at, schema_id in written.items():
                    assert fresh.get_latest_version(f"many-{at}").schema_id == schema_id
                    assert fresh.get_schema(schema_id).schema_str == _numbered(at)
                told.append({subject for subject in fresh.get_subjects() if subject.startswith("many")})
            assert told[0] == told[1] == told[2] >= {f"many-{at}" for at in written}


def _write_through_all(clients: list[SchemaRegistryClient], written: dict[int, int]) -> list[Exception]:
    """From several threads at once: no id is given twice."""
    failures: list[Exception] = []

    def write(first: int) -> None:
        for at in range(first, first + 20):
            try:
                written[at] = clients[at % 2].register_schema(f"many-{at}", Schema(_numbered(at), "AVRO"))
            except SchemaRegistryError as error:
                failures.append(error)

    threads = [threading.Thread(target=write, args=(first,)) for first in (100, 200, 300)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return failures


def _numbered(number: int) -> str:
    return json.dumps({"type": "fixed", "name": f"F{number}", "size": number + 1}, separators=(",", ":"))


def registry_url(client: SchemaRegistryClient) -> str:
    found = client._rest_client.base_urls[0]
    assert isinstance(found, str)
    return found


def an_order(classes: dict[str, type[Any]]) -> Any:
    money = classes["shop.Money"]
    order = classes["shop.Order"](id=7, price=money(currency="EUR", cents=995), state=1, card="4711")
    order.lines.append(classes["shop.Order.Line"](article="book", count=0))
    order.extras["tip"].CopyFrom(money(currency="EUR", cents=100))
    order.at.seconds = 1_700_000_000
    return order
