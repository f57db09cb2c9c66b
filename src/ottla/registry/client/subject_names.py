"""The subject of a record's schema: of its topic, of what it describes, or of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

SubjectName: TypeAlias = Callable[[str, bool, str | None], str]
"""Topic, whether it is the key, and the name of the record, message or title."""


def topic_name(topic: str, is_key: bool, record: str | None) -> str:
    return f"{topic}-{'key' if is_key else 'value'}"


def record_name(topic: str, is_key: bool, record: str | None) -> str:
    if record is None:
        raise ValueError("a schema without a name has no subject by its name")
    return record


def topic_record_name(topic: str, is_key: bool, record: str | None) -> str:
    return f"{topic}-{record_name(topic, is_key, record)}"
