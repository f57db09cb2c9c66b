"""Avro schemas are taken, written in canonical form, and held against each other as Apache Avro itself does it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.peers.apache_kafka import avro_jars

from ottla.registry.schema.avro.schema import AvroSchema
from ottla.registry.schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

PROGRAM = Path(__file__).parent.parent / "peers" / "java" / "AvroRules.java"
PAIRS = 1000
PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
NAMES = ("A", "B", "n.A", "n.B")
Schema = Any
_DEFAULTS: dict[Any, object] = {
    "null": None, "boolean": True, "int": 0, "long": 2**40, "float": 1.5, "double": 0, "array": [], "map": {}
}  # fmt: skip


class Oracle:
    """One Java process for all questions."""

    def __init__(self) -> None:
        command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{avro_jars()}/*", str(PROGRAM)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, reader: str, writer: str) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([reader, writer]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    asked = Oracle()
    yield asked
    asked.close()


class Draw:
    """Draws a schema; of names that were drawn before some come again."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self._defined: list[str] = []

    def one_of(self, values: Any) -> Any:
        return self._data.draw(st.sampled_from(values))

    def chance(self, percent: int) -> bool:
        return self._data.draw(st.integers(0, 99)) < percent

    def schema(self, depth: int = 0) -> Schema:
        kinds = ["primitive"] * 4 + ["union", "array", "map", "enum", "fixed", "name"]
        kinds += ["record"] * (3 if depth < 2 else 0)
        if depth == 0 and self.chance(80):
            kinds = ["record"]
        match self.one_of(kinds):
            case "record":
                return self.record(depth)
            case "union" if depth < 3:
                return self.union(depth)
            case "array" if depth < 3:
                return {"type": "array", "items": self.schema(depth + 1)}
            case "map" if depth < 3:
                return {"type": "map", "values": self.schema(depth + 1)}
            case "enum":
                return self.enum()
            case "fixed":
                return {"type": "fixed", **self.name("F"), "size": self.one_of((1, 2))}
            case "name" if self._defined:
                return self.one_of(self._defined)
        kind = self.one_of(PRIMITIVES)
        return {"type": kind, "logicalType": "x", "p": 1.5} if self.chance(5) else kind

    def name(self, stem: str) -> dict[str, Any]:
        index = len(self._defined)
        name: dict[str, Any] = {"name": f"{stem}{index}" if self.chance(80) else f"{stem}{index}x"}
        if self.chance(30):
            name["namespace"] = self.one_of(("n", "m.n", ""))
        if self.chance(20):
            name["aliases"] = self.one_of(([f"{stem}{index}"], [f"{stem}{index}x"], ["n.Z", "Z"]))
        if self.chance(15):
            name["doc"] = self.one_of(("", 'a "quoted" word', "über"))
        return name

    def define(self, name: dict[str, Any]) -> None:
        if "namespace" not in name:
            self._defined.append(name["name"])
        else:
            self._defined.append(f"{name['namespace']}.{name['name']}" if name["namespace"] else name["name"])

    def enum(self) -> Schema:
        name = self.name("E")
        symbols = self._data.draw(st.lists(st.sampled_from("ABCD"), min_size=1, max_size=4, unique=True))
        default = {"default": self.one_of(symbols)} if self.chance(30) else {}
        self.define(name)
        return {"type": "enum", **name, "symbols": symbols, **default}

    def default(self, schema: Schema) -> object:
        """Mostly one of its type."""
        if self.chance(10):
            return self.one_of((None, 0, 1.5, "", "A", True, [], {}, -(2**40)))
        kind = schema[0] if isinstance(schema, list) else schema
        if isinstance(kind, dict):
            kind = kind["type"]
        return _DEFAULTS.get(kind, "A")

    def union(self, depth: int) -> Schema:
        kinds = self._data.draw(st.lists(st.sampled_from(PRIMITIVES), min_size=1, max_size=4, unique=True))
        if self.chance(40):
            kinds.append(self.record(depth + 1) if self.chance(50) and depth < 2 else self.enum())
        return kinds

    def record(self, depth: int) -> Schema:
        name = self.name("R")
        self.define(name)
        fields = []
        for at in range(self._data.draw(st.integers(0, 4))):
            field: dict[str, Any] = {"name": f"f{at}" if self.chance(85) else f"g{at}", "type": self.schema(depth + 1)}
            if self.chance(40):
                field["default"] = self.default(field["type"])
            if self.chance(15):
                field["aliases"] = [each for each in (self.one_of(("f0", "f1", "g0")),) if each != field["name"]]
            if self.chance(10):
                field["order"] = self.one_of(("ascending", "descending", "ignore"))
            if self.chance(10):
                field["custom"] = {"b": 1, "a": [1e10, 0.001, 1e-7]}
            fields.append(field)
        return {"type": "record", **name, "fields": fields}


def changed(draw: Draw, schema: Schema) -> Schema:
    """The schema with a few changes, deep within it or at its top."""
    if isinstance(schema, list):
        kept = [changed(draw, each) for each in schema if draw.chance(85)]
        return kept or ["null"]
    if not isinstance(schema, dict):
        return draw.one_of(PRIMITIVES) if schema in PRIMITIVES and draw.chance(20) else schema
    copy = dict(schema)
    if "fields" in copy:
        copy["fields"] = [_changed_field(draw, each) for each in copy["fields"] if draw.chance(88)]
        if draw.chance(15):
            copy["fields"].append({"name": "new", "type": "int"} | ({"default": 1} if draw.chance(50) else {}))
    for key in ("items", "values"):
        if key in copy:
            copy[key] = changed(draw, copy[key])
    if "symbols" in copy and draw.chance(30):
        copy["symbols"] = [*(each for each in copy["symbols"] if each == copy.get("default") or draw.chance(70)), "Z"]
    if "size" in copy and draw.chance(15):
        copy["size"] += 1
    if "name" in copy and draw.chance(8):
        copy["aliases"] = [copy["name"], *copy.get("aliases", [])]
        copy["name"] += "y"
    return copy


def _changed_field(draw: Draw, field: dict[str, Any]) -> dict[str, Any]:
    copy = {**field, "type": changed(draw, field["type"])}
    if draw.chance(10):
        copy.pop("default", None)
    if draw.chance(8):
        copy |= {"name": f"{field['name']}r", "aliases": [field["name"]]}
    return copy


seen = {"compared": 0, "refused": 0, "incompatible": 0}


@settings(max_examples=PAIRS)
@given(st.data())
def test_schemas_are_taken_written_and_compared_as_avro_does(oracle: Oracle, data: st.DataObject) -> None:
    draw = Draw(data)
    old = draw.schema()
    new = changed(draw, old) if draw.chance(80) else Draw(data).schema()
    reader, writer = json.dumps(new), json.dumps(old)
    theirs = oracle.ask(reader, writer)
    try:
        ours = AvroSchema(reader, strict=True), AvroSchema(writer, strict=True)
    except SchemaError as error:
        assert "error" in theirs, (str(error), reader, writer)
        seen["refused"] += 1
        return
    found = ours[0].incompatibilities(ours[1])
    if "error" in theirs:
        # Java cannot look at a default of the record that it is still reading; ours waits for nothing.
        assert theirs["error"] == "Schema fields not set yet" or any(
            "several fields" in each.details for each in found
        ), (theirs, reader, writer)
        return
    assert (ours[0].canonical, ours[1].canonical) == (theirs["reader"], theirs["writer"])
    assert ours[0].canonical == AvroSchema(ours[0].canonical).canonical
    listed = [[each.kind, each.path, each.details] for each in found]
    assert listed == theirs["found"], (reader, writer)
    seen["compared"] += 1
    seen["incompatible"] += bool(found)


def test_there_was_something_to_compare() -> None:
    assert seen["compared"] > PAIRS / 3 and seen["incompatible"] > PAIRS / 10, seen
