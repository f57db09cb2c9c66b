"""Schemas of a registry, ours or another: subjects, versions, what they say, whether a change is compatible."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlencode

from ottla.console.operations.near_names import did_you_mean
from ottla.registry.client.registry_client import Registered, RegistryClient, RegistryClientError, Schema
from ottla.registry.schema.parsed import AVRO, JSON, PROTOBUF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUBJECT_NOT_FOUND: Final = 40401
VERSION_NOT_FOUND: Final = 40402
SCHEMA_NOT_FOUND: Final = 40403
SUBJECT_LEVEL_NOT_FOUND: Final = 40408
TYPES: Final = (AVRO, JSON, PROTOBUF)
LEVELS: Final = (
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
)
_TYPE_OF_SUFFIX: Final = {".avsc": AVRO, ".avro": AVRO, ".json": JSON, ".proto": PROTOBUF}


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    versions: list[Registered]
    level: str | None
    """Its own compatibility; `None`: the registry's."""


@dataclass(frozen=True, slots=True)
class Compatibility:
    is_compatible: bool
    messages: list[str]


def list_subjects(client: RegistryClient, *, prefix: str = "", deleted: bool = False) -> list[str]:
    query = urlencode({**({"subjectPrefix": prefix} if prefix else {}), **({"deleted": "true"} if deleted else {})})
    return sorted(cast("list[str]", client.call("GET", f"/subjects{f'?{query}' if query else ''}")))


def latest(client: RegistryClient, subject: str) -> Registered:
    try:
        return client.latest(subject)
    except RegistryClientError as error:
        raise _told(client, error, subject) from None


def describe_subject(client: RegistryClient, subject: str) -> Subject:
    """Every version that is not deleted. `RegistryClientError` names near subjects."""
    try:
        numbers = cast("list[int]", client.call("GET", f"{_path(subject)}/versions"))
    except RegistryClientError as error:
        raise _told(client, error, subject) from None
    return Subject(subject, [client.version(subject, number) for number in numbers], get_level(client, subject))


def find(client: RegistryClient, subject: str, version: int | None) -> Registered:
    """One version, or the latest. `RegistryClientError` names near subjects."""
    try:
        return client.latest(subject) if version is None else client.version(subject, version)
    except RegistryClientError as error:
        raise _told(client, error, subject) from None


def check(client: RegistryClient, subject: str, schema: Schema, *, version: int | None = None) -> Compatibility:
    """Against one version, or all that the subject's level asks for. A subject without versions takes anything."""
    target = f"/compatibility{_path(subject)}/versions{'' if version is None else f'/{version}'}?verbose=true"
    try:
        answer = cast("Mapping[str, Any]", client.call("POST", target, schema.to_json()))
    except RegistryClientError as error:
        if error.code == SUBJECT_NOT_FOUND and version is None:
            return Compatibility(True, [])
        raise _told(client, error, subject) from None
    return Compatibility(bool(answer.get("is_compatible")), [str(each) for each in answer.get("messages") or ()])


def registered(client: RegistryClient, subject: str, schema: Schema, *, normalize: bool = False) -> Registered | None:
    """Where this very schema stands in the subject, if it does."""
    try:
        return client.look_up(subject, schema, normalize=normalize)
    except RegistryClientError as error:
        if error.code in (SUBJECT_NOT_FOUND, SCHEMA_NOT_FOUND):
            return None
        raise


def delete(client: RegistryClient, subject: str, version: int | None = None, *, permanent: bool = False) -> list[int]:
    """A subject or one version of it; for good only what was deleted before. Returns the versions."""
    target = _path(subject) + ("" if version is None else f"/versions/{version}")
    try:
        gone: Any = client.call("DELETE", f"{target}{'?permanent=true' if permanent else ''}")
    except RegistryClientError as error:
        raise _told(client, error, subject) from None
    return list(gone) if isinstance(gone, list) else [int(gone)]


def get_level(client: RegistryClient, subject: str | None = None) -> str | None:
    """A subject's own, `None` if it has none; or the registry's."""
    try:
        answer = client.call("GET", "/config" if subject is None else f"/config/{quote(subject, safe='')}")
    except RegistryClientError as error:
        if error.code in (SUBJECT_LEVEL_NOT_FOUND, SUBJECT_NOT_FOUND) and subject is not None:
            return None
        raise
    return str(answer["compatibilityLevel"]) if answer.get("compatibilityLevel") else None


def set_level(client: RegistryClient, level: str | None, subject: str | None = None) -> None:
    """`None`: a subject has no level of its own any more, or the registry its default one."""
    target = "/config" if subject is None else f"/config/{quote(subject, safe='')}"
    if level is not None:
        client.call("PUT", target, {"compatibility": level})
        return
    try:
        client.call("DELETE", target)
    except RegistryClientError as error:
        if error.code not in (SUBJECT_LEVEL_NOT_FOUND, SUBJECT_NOT_FOUND):
            raise


def diff(before: Registered, after: Registered) -> list[str]:
    """Line by line, of the schemas as people read them; empty if they say the same."""
    old, new = (readable(each.schema).splitlines() for each in (before, after))
    old_name, new_name = (f"{each.subject} version {each.version}" for each in (before, after))
    return list(difflib.unified_diff(old, new, old_name, new_name, lineterm=""))


def readable(schema: Schema) -> str:
    """Avro and JSON Schema indented, Protobuf as it is."""
    if schema.schema_type == PROTOBUF:
        return schema.text.rstrip("\n")
    try:
        return json.dumps(json.loads(schema.text), indent=2, ensure_ascii=False)
    except ValueError:
        return schema.text


def type_of_file(name: str) -> str | None:
    """By its suffix; `None` for one that says nothing."""
    return next((kind for suffix, kind in _TYPE_OF_SUFFIX.items() if name.endswith(suffix)), None)


def _path(subject: str) -> str:
    return f"/subjects/{quote(subject, safe='')}"


def _told(client: RegistryClient, error: RegistryClientError, subject: str) -> RegistryClientError:
    if error.code != SUBJECT_NOT_FOUND:
        return error
    names: Sequence[str] = list_subjects(client)
    return RegistryClientError(error.code, f"there is no subject '{subject}'.{did_you_mean(subject, names)}")
