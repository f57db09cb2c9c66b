"""`ottla schemas` against a registry beside a node; on Apache Kafka too (OTTLA_TEST_PEER)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.peers.ottla_cli import InProcessCli
from tests.peers.registry import RegistryProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess


@pytest.fixture(scope="module")
def registry(node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    with RegistryProcess(tmp_path_factory.mktemp("registry"), node.address) as process:
        yield process


@pytest.fixture
def ottla(registry: RegistryProcess) -> InProcessCli:
    return InProcessCli(("--registry", registry.url))


def avro(directory: Path, *fields: object) -> str:
    file = directory / f"order-{len(list(directory.iterdir()))}.avsc"
    file.write_text(json.dumps({"type": "record", "name": "Order", "fields": list(fields)}))
    return str(file)


def test_from_first_to_last(ottla: InProcessCli, tmp_path: Path) -> None:
    identity = {"name": "id", "type": "long"}
    first = avro(tmp_path, identity)
    assert ottla.json("schemas", "check", "cli-orders", "--file", first)["is_compatible"]
    made = ottla.works("schemas", "register", "cli-orders", "--file", first)
    assert "as version 1" in made.out
    assert ottla.works("schemas", "register", "cli-orders", "--file", first).out == made.out
    assert "cli-orders" in ottla.json("schemas", "list", "--prefix", "cli-")

    required = avro(tmp_path, identity, {"name": "customer", "type": "string"})
    refused = ottla("schemas", "check", "cli-orders", "--file", required)
    assert (refused.code, "would refuse it" in refused.out, "READER_FIELD_MISSING" in refused.out) == (1, True, True)
    assert ottla("schemas", "register", "cli-orders", "--file", required).code == 1
    second = avro(tmp_path, identity, {"name": "customer", "type": "string", "default": ""})
    assert ottla.json("schemas", "register", "cli-orders", "--file", second)["version"] == 2

    compared = ottla("schemas", "diff", "cli-orders")
    assert compared.code == 1
    assert '+      "name": "customer",' in compared.out
    assert "Version 2 is compatible with version 1" in compared.err
    assert ottla("schemas", "diff", "cli-orders", "2", "2").code == 0
    (described,) = ottla.json("schemas", "describe", "cli-orders")
    assert [(each["version"], each["schemaType"]) for each in described["versions"]] == [(1, "AVRO"), (2, "AVRO")]
    schema_id = described["versions"][0]["id"]
    assert json.loads(ottla.works("schemas", "get", "--id", str(schema_id)).out)["fields"] == [identity]
    assert ottla.json("schemas", "get", "cli-orders", "--version", "1")["id"] == schema_id

    ottla.works("schemas", "compatibility", "cli-orders", "--set", "none")
    assert ottla.json("schemas", "register", "cli-orders", "--file", required)["version"] == 3
    ottla.works("schemas", "compatibility", "cli-orders", "--delete")
    assert ottla.json("schemas", "compatibility", "cli-orders")["level"] is None
    assert ottla.json("schemas", "compatibility")["level"] == "BACKWARD"

    assert ottla.json("schemas", "delete", "cli-orders", "--version", "3")["versions"] == [3]
    assert ottla.works("schemas", "delete", "cli-orders").out == "Deleted versions 1, 2 of cli-orders.\n"
    assert "cli-orders" in ottla.json("schemas", "list", "--deleted")
    ottla.works("schemas", "delete", "cli-orders", "--permanent")
    assert "cli-orders" not in ottla.json("schemas", "list", "--deleted")


def test_references_and_protobuf(ottla: InProcessCli, tmp_path: Path) -> None:
    money = tmp_path / "money.proto"
    money.write_text('syntax = "proto3";\npackage shop;\nmessage Money { int64 cents = 1; }\n')
    price = tmp_path / "price.proto"
    price.write_text('syntax = "proto3";\nimport "money.proto";\nmessage Price { shop.Money of = 1; }\n')
    ottla.works("schemas", "register", "cli-money", "--file", str(money))
    referring = ("--file", str(price), "--reference", "money.proto=cli-money:1")
    ottla.works("schemas", "register", "cli-price", *referring)
    assert "money.proto=cli-money:1" in ottla.works("schemas", "describe", "cli-price").out
    assert "message Price" in ottla.works("schemas", "get", "cli-price").out
    assert ottla("schemas", "register", "cli-price", "--file", str(price), "--reference", "nonsense").code == 2


def test_errors_say_what_to_do(ottla: InProcessCli, tmp_path: Path) -> None:
    ottla.works("schemas", "register", "cli-nearby", "--file", avro(tmp_path))
    near = ottla("schemas", "get", "cli-nearbi")
    assert (near.code, "Did you mean 'cli-nearby'" in near.err) == (1, True)
    unnamed = tmp_path / "schema.txt"
    unnamed.write_text("{}")
    assert "give --type" in ottla("schemas", "register", "s", "--file", str(unnamed)).err
    assert ottla("schemas", "get").code == 2
    assert ottla("schemas", "diff", "cli-nearby").code == 2
    unreachable = InProcessCli(("--registry", "http://127.0.0.1:1"))("schemas", "list")
    assert (unreachable.code, "Is a registry running?" in unreachable.err) == (1, True)
    assert InProcessCli(("--registry", "localhost"))("schemas", "list").code == 1
