"""Settings that are written in JSON: pipelines, mappings of names."""

from __future__ import annotations

import json
from typing import Any

from ottla.connect.api.errors import ConfigError


def json_documents(text: str) -> list[dict[str, Any]]:
    """A list of objects; none of an empty text. A backslash that JSON does not know stands for itself, as in Java."""
    found = json_setting(text, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("it is no array of objects in JSON")
    return found


def json_object(text: str) -> dict[str, Any]:
    found = json_setting(text, {})
    if not isinstance(found, dict):
        raise ValueError("it is no object in JSON")
    return found


def json_setting(text: str, empty: Any) -> Any:
    if not text.strip():
        return empty
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text.replace("\\", "\\\\"))


class JsonDocuments:
    """Validates an array of objects which all have these names."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def ensure_valid(self, name: str, value: Any) -> None:
        try:
            documents = json_documents(value or "")
        except ValueError as error:
            raise ConfigError.of(name, value, str(error)) from error
        for each in documents:
            missing = [key for key in self._names if not isinstance(each.get(key), str)]
            if missing:
                raise ConfigError.of(name, value, f"{json.dumps(each)} does not say {', '.join(missing)}")

    def __str__(self) -> str:
        return "a JSON array of objects" + (f" with {', '.join(self._names)}" if self._names else "")


class JsonObject:
    def ensure_valid(self, name: str, value: Any) -> None:
        try:
            json_object(value or "")
        except ValueError as error:
            raise ConfigError.of(name, value, str(error)) from error

    def __str__(self) -> str:
        return "a JSON object"
