"""Every message in every version against Apache Kafka's own classes, in one run of Java.

It reads our bytes, writes the same bytes again, and says the same JSON; it has the same defaults; and a field that
another version does not have is dropped or refused by it as by us.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import pytest
from tests.golden.golden_messages import read_golden
from tests.peers.kafka_messages import MessageOracle
from tests.unit.protocol.kafka_json import to_json
from tests.unit.protocol.message_samples import EVERY_VERSION, MESSAGES, samples

from ottla.protocol.message import ArrayOf, Field, Message, ProtocolError, Struct, UnsupportedVersionError
from ottla.protocol.types import Primitive, Records

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.java

SAMPLES = 4


@pytest.fixture(scope="module")
def oracle() -> Iterator[MessageOracle]:
    with MessageOracle() as asked:
        yield asked


def test_every_message_says_the_same_to_apache_kafka(oracle: MessageOracle) -> None:
    asked = [(m, version, value) for m, version in EVERY_VERSION for value in samples(m, version, SAMPLES)]
    encoded = [value.encode(version) for _, version, value in asked]
    answers = oracle.ask(
        [f"echo {m.__name__} {version} {data.hex()}" for (m, version, _), data in zip(asked, encoded, strict=True)]
    )
    for (message, version, value), data, answer in zip(asked, encoded, answers, strict=True):
        written, tab, text = answer.partition("\t")
        where = f"{message.__name__} version {version}: {value}\n{answer}"
        assert tab, where
        assert written == data.hex(), where
        assert json.loads(text) == to_json(value, version), where


def test_golden_messages_are_what_apache_kafka_says(oracle: MessageOracle) -> None:
    golden = read_golden()
    answers = oracle.ask([f"echo {line.name} {line.version} {line.data.hex()}" for line in golden])
    for line, answer in zip(golden, answers, strict=True):
        written, _, text = answer.partition("\t")
        assert written == line.data.hex(), line.name
        assert json.loads(text) == line.json, line.name


def test_apache_kafka_has_the_same_defaults(oracle: MessageOracle) -> None:
    answers = oracle.ask([f"default {message.__name__} {version}" for message, version in EVERY_VERSION])
    for (message, version), answer in zip(EVERY_VERSION, answers, strict=True):
        assert answer == message().encode(version).hex(), f"{message.__name__} version {version}"


def test_fields_of_other_versions_are_dropped_or_refused_alike(oracle: MessageOracle) -> None:
    asked = [case for message in MESSAGES.values() for case in conversions(message)]
    answers = oracle.ask([f"convert {type(m).__name__} {old} {new} {m.encode(old).hex()}" for m, old, new in asked])
    assert sum(answer == "unsupported" for answer in answers) > 100
    for (message, old, new), answer in zip(asked, answers, strict=True):
        where = f"version {old} to {new} of {message}"
        decoded = type(message).decode(message.encode(old), old)
        try:
            ours = decoded.encode(new).hex()
        except UnsupportedVersionError:
            ours = "unsupported"
        except ProtocolError:
            ours = "error"
        assert answer.split(" ")[0] == ours, f"{where}\n{answer}"


def conversions(message: type[Message]) -> Iterator[tuple[Message, int, int]]:
    """Messages with one field that is not as usual, written in a version that may lack that field."""
    versions = list(message.versions)
    for path in paths(message):
        changed = set_path(message, path)
        for old in versions:
            if not all(old in item.versions for item in path):
                continue
            for new in {versions[0], versions[-1], max(old - 1, versions[0])} - {old}:
                yield changed, old, new


def paths(struct: type[Struct], above: tuple[Field, ...] = ()) -> Iterator[tuple[Field, ...]]:
    """Every field of a message, with the fields that lead to it."""
    for item in struct.schema:
        yield (*above, item)
        inner = item.type.element if isinstance(item.type, ArrayOf) else item.type
        if isinstance(inner, type):
            yield from paths(inner, (*above, item))


def fresh(kind: type[Struct]) -> Struct:
    """A struct of defaults that can be written: records that must not be null are null by default."""
    made = kind()
    for item in kind.schema:
        if item.type is RECORDS and not item.nullable:
            setattr(made, item.name, b"")
    return made


RECORDS = get_args(Records)[1]
ODD: dict[str, object] = {"string": "odd", "bytes": b"odd", "records": b"odd", "uuid": b"\x07" * 16, "float64": 7.5}


def set_path(struct: type[Message], path: tuple[Field, ...]) -> Message:
    """A message of defaults but for the last field of the path, with one element in arrays on the way."""
    message = struct()
    inner: Struct = message
    for item in path[:-1]:
        assert isinstance(item.type, ArrayOf) or not isinstance(item.type, Primitive)
        kind = item.type.element if isinstance(item.type, ArrayOf) else item.type
        assert isinstance(kind, type)
        element = fresh(kind)
        setattr(inner, item.name, [element] if isinstance(item.type, ArrayOf) else element)
        inner = element
    last = path[-1]
    setattr(inner, last.name, odd_value(last))
    return message


def odd_value(item: Field) -> object:
    """A value that is not the default."""
    if isinstance(item.type, ArrayOf):
        element = item.type.element
        return [ODD.get(element.name, 7) if isinstance(element, Primitive) else fresh(element)]
    if not isinstance(item.type, Primitive):
        return fresh(item.type)
    if item.type.name == "bool":
        return not item.default
    return ODD.get(item.type.name, 7)
