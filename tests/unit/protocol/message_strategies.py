"""Hypothesis strategies for any message in any version, from its schema."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from tests.unit.protocol.message_samples import BITS, FIRST_UNKNOWN_TAG

from ottla.protocol.message import ArrayOf, Field, FieldType, Message, Struct
from ottla.protocol.types import Primitive

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

UNKNOWN_TAGS: SearchStrategy[Any] = st.dictionaries(
    st.integers(FIRST_UNKNOWN_TAG, 0x7FFF_FFFF), st.binary(max_size=20), max_size=3
).map(lambda tags: tuple(sorted(tags.items())))


def messages(message: type[Message], version: int) -> SearchStrategy[Message]:
    """Messages in which every field that the version has takes any value that Kafka allows."""
    return structs(message, version, message.flexible(version))  # type: ignore[return-value]  # a Message is a Struct


@cache
def structs(struct: type[Struct], version: int, flexible: bool) -> SearchStrategy[Struct]:
    values: dict[str, SearchStrategy[Any]] = {
        item.name: values_of(item, version, flexible) for item in struct.schema if version in item.versions
    }
    if flexible:
        values["unknown_tagged_fields"] = UNKNOWN_TAGS
    return st.builds(struct, **values)


def values_of(item: Field, version: int, flexible: bool) -> SearchStrategy[Any]:
    if isinstance(item.type, ArrayOf):
        value: SearchStrategy[Any] = st.lists(single(item.type.element, version, flexible), max_size=3)
    else:
        value = single(item.type, version, flexible)
    return st.none() | value if version in item.nullable else value


def single(kind: FieldType, version: int, flexible: bool) -> SearchStrategy[Any]:
    assert not isinstance(kind, ArrayOf)
    if not isinstance(kind, Primitive):
        return structs(kind, version, flexible)
    if kind.name in BITS:
        bits = BITS[kind.name]
        edge = 1 << (bits - 1)
        return st.integers(0, 2 * edge - 1) if kind.name.startswith("u") else st.integers(-edge, edge - 1)
    return PRIMITIVES[kind.name]


PRIMITIVES: dict[str, SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    "bytes": st.binary(max_size=200),
    "records": st.binary(max_size=200),
    "uuid": st.binary(min_size=16, max_size=16),
    "float64": st.floats(allow_nan=False),
}
