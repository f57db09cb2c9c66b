"""Specifications of plugins as keys of Connect, and what is wrong with settings, named by key."""

from __future__ import annotations

from typing import Any

import pytest

from ottla.connect.api.config_def import BOOLEAN, HIGH, LONG, PASSWORD, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError
from ottla.connect.bridges.installed import PluginSettings, define_whole
from ottla.connect.bridges.plugin_spec import read_settings, wrong_settings

SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["host", "port", "credentials"],
    "properties": {
        "host": {"type": "string", "description": "Where it is.", "pattern": "^[a-z.]+$"},
        "port": {"type": "integer", "default": 5432, "minimum": 1, "maximum": 65535},
        "ssl": {"type": ["boolean", "null"]},
        "tables": {"type": "array", "items": {"type": "string"}},
        "api.key": {"type": "string", "airbyte_secret": True},
        "mode": {"type": "string", "enum": ["a", "b"]},
        "credentials": {
            "type": "object",
            "oneOf": [
                {
                    "required": ["kind", "password"],
                    "properties": {
                        "kind": {"const": "password"},
                        "password": {"type": "string", "airbyte_secret": True},
                    },
                },
                {
                    "required": ["kind", "token"],
                    "properties": {"kind": {"const": "token"}, "token": {"type": "string", "minLength": 3}},
                },
            ],
        },
        "tunnel": {"type": "object", "properties": {"host": {"type": "string"}, "port": {"type": "integer"}}},
    },
}
GOOD = {"x.host": "db.example", "x.credentials.kind": "token", "x.credentials.token": "abc"}


def settings() -> tuple[PluginSettings, ConfigDef]:
    found = PluginSettings("x", SPEC)
    definition = define_whole(ConfigDef(), "x", HIGH, "All.")
    found.define(definition)
    return found, definition


def errors(props: dict[str, str]) -> dict[str, list[str]]:
    found, definition = settings()
    return {value.name: value.error_messages for value in found.validate(definition, props) if value.error_messages}


def test_keys() -> None:
    keys = settings()[1].config_keys
    kinds = {name: key.type for name, key in keys.items()}
    assert kinds["x.host"] is STRING
    assert kinds["x.port"] is LONG
    assert kinds["x.ssl"] is BOOLEAN
    assert kinds["x.api.key"] is PASSWORD
    assert kinds["x.tunnel.port"] is LONG
    assert kinds["x.credentials"] is STRING
    assert "One of: a, b." in keys["x.mode"].documentation
    assert not keys["x.host"].has_default
    assert keys["x.port"].default_value == 5432


def test_settings_have_their_types() -> None:
    texts = {"host": "h", "port": "5", "ssl": "True", "tables": "a, b", "api.key": "k", "credentials.kind": "token",
             "tunnel.port": "22", "credentials.token": "123"}  # fmt: skip
    assert read_settings(texts, SPEC, "x") == {
        "host": "h",
        "port": 5,
        "ssl": True,
        "tables": ["a", "b"],
        "api.key": "k",
        "credentials": {"kind": "token", "token": "123"},
        "tunnel": {"port": 22},
    }
    assert read_settings({"tables": '["a,b"]'}, SPEC, "x") == {"tables": ["a,b"]}
    assert read_settings({"a.b": "5"}, None, "x") == {"a.b": "5"}
    with pytest.raises(ConfigError, match=r"x\.port"):
        read_settings({"port": "five"}, SPEC, "x")


def test_what_is_right_is_not_complained_of() -> None:
    assert errors(GOOD) == {}
    assert errors({"x": '{"host": "h", "credentials": {"kind": "password", "password": "p"}}'}) == {}
    assert errors({"x": '{"credentials": {"kind": "password"}, "host": "h"}', "x.credentials.password": "p"}) == {}


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        ({"x.host": "UPPER"}, "x.host", "must match"),
        ({"x.port": "0"}, "x.port", "at least 1"),
        ({"x.port": "five"}, "x.port", "Not a number of type LONG"),
        ({"x.mode": "c"}, "x.mode", "must be one of: a, b"),
        ({"x.credentials.token": "no"}, "x.credentials", "at least 3 characters"),
        ({"x.credentials.kind": "else"}, "x.credentials", "must be"),
        ({"x": "{"}, "x", "no JSON"),
        ({"x": "[]"}, "x", "no JSON object"),
        ({"x.tables": "[1]"}, "x.tables", "expected string"),
    ],
)
def test_what_is_wrong_is_said_of_its_key(change: dict[str, str], key: str, said: str) -> None:
    found = errors(GOOD | change)
    assert list(found) == [key]
    assert said in found[key][0]


def test_what_is_missing() -> None:
    found = errors({})
    assert set(found) == {"x.host", "x.credentials"}
    assert "Missing required" in found["x.host"][0]


def test_a_secret_is_in_no_message() -> None:
    wrong = wrong_settings(SPEC, {"host": "h", "credentials": {"kind": "password", "password": 4711}})
    assert wrong
    assert not any("4711" in each.message for each in wrong)
