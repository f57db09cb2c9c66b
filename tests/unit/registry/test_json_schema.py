"""JSON Schema: which changes are seen, and which break old data: the published kinds of changes, a row or more each."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.json_schema.comparison import changes
from ottla.registry.schema.json_schema.kinds import LENIENT, STRICT
from ottla.registry.schema.json_schema.pattern import fits
from ottla.registry.schema.json_schema.schema import JsonSchema
from ottla.registry.schema.reference import Reference

INT, STRING = {"type": "integer"}, {"type": "string"}
LATEST = "https://json-schema.org/draft/2020-12/schema"


def obj(**members: Any) -> dict[str, Any]:
    return {"type": "object", **members}


def closed(**properties: Any) -> dict[str, Any]:
    return obj(properties=properties, additionalProperties=False)


# What it was, what it is, and what is told; a change with ! breaks old data.
RULES: list[tuple[Any, Any, str]] = [
    ({"title": "a"}, {"title": "b"}, ""),
    ({"type": "string", "title": "a"}, {"type": "string", "title": "b"}, "TITLE_CHANGED #/"),
    ({"type": "string", "description": "a"}, STRING, "DESCRIPTION_CHANGED #/"),
    ({"type": "string", "default": "a"}, STRING, "DEFAULT_CHANGED #/"),
    ({"type": "string", "$id": "a"}, {"type": "string", "$id": "b"}, "ID_CHANGED #/"),
    (obj(), {"type": "array"}, "!TYPE_CHANGED #/"),
    (obj(), {}, ""),
    (False, STRING, ""),
    (INT, {"type": "number"}, "TYPE_EXTENDED #/"),
    ({"type": "number"}, INT, "!TYPE_NARROWED #/"),
    (INT, {"type": ["integer", "null"]}, "SUM_TYPE_EXTENDED #/"),
    ({"type": ["integer", "string"]}, {"type": ["integer", "string", "null"]}, "SUM_TYPE_EXTENDED #/"),
    ({"type": ["integer", "string", "null"]}, {"type": ["integer", "string"]}, "!SUM_TYPE_NARROWED #/"),
    (STRING, {"type": "string", "maxLength": 3}, "!MAX_LENGTH_ADDED #/maxLength"),
    ({"type": "string", "maxLength": 3}, {"type": "string", "maxLength": 4}, "MAX_LENGTH_INCREASED #/maxLength"),
    ({"type": "string", "minLength": 3}, {"type": "string", "minLength": 4}, "!MIN_LENGTH_INCREASED #/minLength"),
    ({"type": "string", "minLength": 3}, STRING, "MIN_LENGTH_REMOVED #/minLength"),
    (STRING, {"type": "string", "pattern": "a"}, "!PATTERN_ADDED #/pattern"),
    ({"type": "string", "pattern": "a"}, {"type": "string", "pattern": "b"}, "!PATTERN_CHANGED #/pattern"),
    ({"maximum": 1}, {"maximum": 2}, "MAXIMUM_INCREASED #/maximum"),
    ({"maximum": 1}, {"maximum": 0.5}, "!MAXIMUM_DECREASED #/maximum"),
    ({"minimum": 1}, {"minimum": 2}, "!MINIMUM_INCREASED #/minimum"),
    ({"exclusiveMinimum": 1}, {"exclusiveMinimum": 0}, "EXCLUSIVE_MINIMUM_DECREASED #/exclusiveMinimum"),
    ({"exclusiveMaximum": 2}, {"exclusiveMaximum": 1}, "!EXCLUSIVE_MAXIMUM_DECREASED #/exclusiveMaximum"),
    ({"multipleOf": 10}, {"multipleOf": 5}, "MULTIPLE_OF_REDUCED #/multipleOf"),
    ({"multipleOf": 5}, {"multipleOf": 10}, "!MULTIPLE_OF_EXPANDED #/multipleOf"),
    ({"multipleOf": 0.3}, {"multipleOf": 0.1}, "MULTIPLE_OF_REDUCED #/multipleOf"),
    ({"multipleOf": 3}, {"multipleOf": 5}, "!MULTIPLE_OF_CHANGED #/multipleOf"),
    ({"enum": ["a", "b"]}, {"enum": ["b", "a", "c"]}, "ENUM_ARRAY_EXTENDED #/enum"),
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, "!ENUM_ARRAY_NARROWED #/enum"),
    ({"enum": ["a", "b"]}, {"enum": ["a", "c"]}, "!ENUM_ARRAY_CHANGED #/enum"),
    ({"const": 1}, {"const": 2}, "!ENUM_ARRAY_CHANGED #/const"),
    ({"not": INT}, {"not": {"type": "number"}}, "!NOT_TYPE_EXTENDED #/not"),
    ({"not": {"type": "number"}}, {"not": INT}, "NOT_TYPE_NARROWED #/not"),
    (
        obj(properties={"a": INT}),
        obj(properties={"a": INT}, required=["a"]),
        "!REQUIRED_ATTRIBUTE_ADDED #/required/a",
    ),
    (
        obj(properties={"a": INT}),
        obj(properties={"a": {"type": "integer", "default": 1}}, required=["a"]),
        "REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED #/required/a, DEFAULT_CHANGED #/properties/a",
    ),
    (obj(), obj(properties={"a": INT}), "!OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a"),
    (obj(), obj(properties={"a": {}}), "PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a"),
    (
        obj(),
        obj(properties={"a": INT}, required=["a"]),
        "!REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a",
    ),
    (closed(), closed(a=INT), "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a"),
    (
        closed(),
        {**closed(a=INT), "required": ["a"]},
        "!REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a",
    ),
    (closed(a=INT), closed(), "!PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/a"),
    (closed(a=False), closed(), "PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/a"),
    (obj(properties={"a": INT}), obj(), "PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL #/properties/a"),
    (
        obj(additionalProperties=INT),
        obj(properties={"a": INT}, additionalProperties=INT),
        "PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/a, "
        "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a",
    ),
    (
        obj(properties={"x_a": INT}, patternProperties={"^x_": STRING}),
        obj(patternProperties={"^x_": STRING}),
        "!TYPE_CHANGED #/properties/x_a, "
        "!PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/x_a",
    ),
    (obj(), obj(additionalProperties=False), "!ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties"),
    (obj(), obj(additionalProperties=INT), "!ADDITIONAL_PROPERTIES_NARROWED #/additionalProperties"),
    (obj(additionalProperties=INT), obj(), "ADDITIONAL_PROPERTIES_EXTENDED #/additionalProperties"),
    (obj(), obj(maxProperties=1), "!MAX_PROPERTIES_ADDED #/maxProperties"),
    (obj(), obj(dependencies={"a": ["b"]}), "!DEPENDENCY_ARRAY_ADDED #/dependencies/a"),
    (obj(dependencies={"a": ["b", "c"]}), obj(dependencies={"a": ["b"]}), "DEPENDENCY_ARRAY_NARROWED #/dependencies/a"),
    (obj(dependentSchemas={"a": obj()}), obj(), "DEPENDENCY_SCHEMA_REMOVED #/dependencies/a"),
    ({"items": INT}, {"items": STRING}, "!TYPE_CHANGED #/items"),
    ({"items": [INT]}, {"items": [INT, INT]}, "!ITEM_ADDED_TO_OPEN_CONTENT_MODEL #/items/1"),
    (
        {"items": [INT], "additionalItems": False},
        {"items": [INT, INT], "additionalItems": False},
        "ITEM_ADDED_TO_CLOSED_CONTENT_MODEL #/items/1",
    ),
    ({"type": "array"}, {"type": "array", "uniqueItems": True}, "!UNIQUE_ITEMS_ADDED #/uniqueItems"),
    ({"type": "array"}, {"type": "array", "additionalItems": False}, "!ADDITIONAL_ITEMS_REMOVED #/additionalItems"),
    ({"minItems": 2}, {"minItems": 1}, "MIN_ITEMS_DECREASED #/minItems"),
    ({"oneOf": [INT, STRING]}, {"anyOf": [INT, STRING]}, "COMBINED_TYPE_EXTENDED #/"),
    ({"anyOf": [INT, STRING]}, {"oneOf": [INT, STRING]}, "!COMBINED_TYPE_CHANGED #/"),
    ({"allOf": [obj(), INT]}, {"allOf": [obj()]}, "PRODUCT_TYPE_NARROWED #/"),
    ({"oneOf": [INT, STRING]}, {"oneOf": [INT, obj()]}, "!COMBINED_TYPE_SUBSCHEMAS_CHANGED #/"),
    (
        {"$schema": LATEST, "prefixItems": [INT], "items": False},
        {"$schema": LATEST, "prefixItems": [INT, STRING], "items": False},
        "ITEM_ADDED_TO_CLOSED_CONTENT_MODEL #/items/1",
    ),
    (
        {"$schema": LATEST, "type": "object"},
        {"$schema": LATEST, "type": "object", "unevaluatedProperties": False},
        "!UNEVALUATED_PROPERTIES_REMOVED #/unevaluatedProperties",
    ),
]


def compared(original: Any, update: Any) -> str:
    old, new = JsonSchema(json.dumps(original)), JsonSchema(json.dumps(update))
    found = changes(old.schema, new.schema, STRICT)
    return ", ".join(f"{'' if kind in STRICT else '!'}{kind} {path}" for kind, path in found)


@pytest.mark.parametrize(("original", "update", "told"), RULES[1:])
def test_the_rules(original: Any, update: Any, told: str) -> None:
    assert compared(original, update) == told


def test_lenient_does_not_mind_what_an_open_object_could_hold() -> None:
    old, new = JsonSchema(json.dumps(obj())), JsonSchema(json.dumps(obj(properties={"a": INT})))
    assert [each.kind for each in new.incompatibilities(old)] == ["OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"]
    assert new.incompatibilities(old, lenient=True) == []
    assert STRICT < LENIENT


def test_recursive_schemas_end() -> None:
    tree = {
        "$ref": "#/definitions/t",
        "definitions": {"t": obj(properties={"l": {"$ref": "#/definitions/t"}, "v": INT})},
    }
    other = json.loads(json.dumps(tree).replace("integer", "string"))
    assert compared(tree, tree) == ""
    assert "!TYPE_CHANGED #/properties/v" in compared(tree, other)
    loop = {"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/a"}}}
    assert compared(loop, loop) == ""


def test_references_lead_to_where_they_say() -> None:
    person = json.dumps({"$id": "http://e.com/p.json", "definitions": {"name": {"$anchor": "n", "type": "string"}}})
    reference = Reference("http://e.com/p.json", "p", 1)
    for target in ("http://e.com/p.json#/definitions/name", "p.json#n", "p.json#/definitions/name"):
        text = json.dumps({"$id": "http://e.com/order.json", "properties": {"who": {"$ref": target}}})
        schema = JsonSchema(text, [reference], {"http://e.com/p.json": person}, strict=True)
        other = JsonSchema(json.dumps({"properties": {"who": INT}}))
        assert [each.kind for each in other.incompatibilities(schema)] == ["TYPE_CHANGED"]
    with pytest.raises(SchemaError, match="nothing is known"):
        JsonSchema('{"$ref": "other.json"}', strict=True)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "7",
        '{"type": "strin"}',
        '{"enum": 1}',
        '{"properties": []}',
        '{"minLength": "x"}',
        '{"allOf": {}}',
        "[" * 9999,
    ],
)
def test_what_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(SchemaError):
        JsonSchema(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)
SIMPLE = st.sampled_from(
    [
        *(INT, STRING, {"type": "number"}, {"type": "null"}, {"type": "string", "maxLength": 2}),
        *({"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}, {"type": "boolean"}, {}, True),
        {"enum": ["a", 1, None]},
    ]
)
SCHEMAS = st.recursive(
    SIMPLE,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(
            lambda properties, required, rest: {
                "type": "object", "properties": properties, "required": required, "additionalProperties": rest
            },
            st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            st.booleans() | inner,
        )
    ),
    max_leaves=5,
)  # fmt: skip


@given(SCHEMAS, SCHEMAS, st.lists(VALUES, max_size=20))
def test_what_fitted_fits_after_a_compatible_change(original: Any, update: Any, values: list[Any]) -> None:
    """The judge is an independent validator: a verdict of "compatible" that it disproves would be wrong."""
    old, new = JsonSchema(json.dumps(original)), JsonSchema(json.dumps(update))
    if new.incompatibilities(old):
        return
    before, after = jsonschema_rs.validator_for(original), jsonschema_rs.validator_for(update)
    for value in values:
        if before.is_valid(value):
            # Of what is required Confluent's rules only look at properties that both name, or that are new.
            assert after.is_valid(value) or _is_for_want_of_a_required_one(after, value), (original, update, value)


def _is_for_want_of_a_required_one(validator: Any, value: Any) -> bool:
    return any("required" in str(error) for error in validator.iter_errors(value))


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("^x_", "x_a", True),
        ("^x_", "ax_", False),
        (r"^(?!x)\w+$", "y1", True),
        (r"^\p{Lu}", "É", True),
        ("^(a+)+$", "a" * 40 + "!", False),
        (r"^(?=a)(a+)+(?=b)\1$", "a" * 40 + "!", False),  # back-references: no automaton answers these
        ("(a{1000}){1000}", "a", False),
        ("(", "(", False),
    ],
)
@pytest.mark.timeout(10)
def test_expressions_of_names_take_bounded_work(pattern: str, name: str, expected: bool) -> None:
    assert fits(pattern, name) is expected
