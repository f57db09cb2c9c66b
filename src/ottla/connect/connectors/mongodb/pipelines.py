"""Pipelines of aggregations as settings: extended JSON, so that they can name ObjectIds and dates."""

from __future__ import annotations

from typing import Any

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.mongodb.json_text import parse_json


def pipeline(text: str) -> list[dict[str, Any]]:
    """The stages; a backslash that JSON does not know stands for itself, as in Java."""
    if not text.strip():
        return []
    try:
        found = parse_json(f'{{"s": {text}}}')
    except DataError:
        found = parse_json('{"s": ' + text.replace("\\", "\\\\") + "}")
    stages: list[dict[str, Any]] = found["s"]
    return stages
