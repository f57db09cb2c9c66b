"""What is said about a schema beside its text: tags by path, properties, and which of these are sensitive."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION_PROPERTY: Final = "confluent:version"


@dataclass(frozen=True, slots=True)
class Metadata:
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: object) -> Metadata | None:
        """`ValueError` says what cannot be."""
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ValueError("metadata is an object")
        tags, properties, sensitive = (value.get(key) or {} for key in ("tags", "properties", "sensitive"))
        if not isinstance(tags, dict) or not all(_are_strings(each) for each in tags.values()):
            raise ValueError("metadata.tags has an array of strings for each path")
        if not isinstance(properties, dict) or not all(isinstance(each, str) for each in properties.values()):
            raise ValueError("metadata.properties has a string for each name")
        if sensitive and not _are_strings(sensitive):
            raise ValueError("metadata.sensitive is an array of names")
        return cls(
            {path: tuple(sorted(set(tags[path]))) for path in sorted(tags)},
            dict(sorted(properties.items())),
            tuple(sorted(set(sensitive))),
        )

    def to_json(self) -> dict[str, object]:
        value: dict[str, object] = {}
        if self.tags:
            value["tags"] = {path: list(tags) for path, tags in self.tags.items()}
        if self.properties:
            value["properties"] = dict(self.properties)
        if self.sensitive:
            value["sensitive"] = list(self.sensitive)
        return value

    def digest_bytes(self) -> bytes:
        words = [word for path, tags in self.tags.items() for word in (path, *tags)]
        words += [word for pair in self.properties.items() for word in pair]
        return "".join([*words, *self.sensitive]).encode()

    @property
    def version(self) -> str | None:
        return self.properties.get(VERSION_PROPERTY)

    def without_version(self) -> Metadata:
        return replace(
            self, properties={name: each for name, each in self.properties.items() if name != VERSION_PROPERTY}
        )


def with_version(metadata: Metadata | None, version: int) -> Metadata:
    metadata = metadata or Metadata()
    return replace(metadata, properties=dict(sorted({**metadata.properties, VERSION_PROPERTY: str(version)}.items())))


def merged_metadata(older: Metadata | None, newer: Metadata | None) -> Metadata | None:
    """Both; where they say different things, the newer's."""
    if older is None or newer is None:
        return newer if older is None else older
    return Metadata(
        dict(sorted({**older.tags, **newer.tags}.items())),
        dict(sorted({**older.properties, **newer.properties}.items())),
        tuple(sorted({*older.sensitive, *newer.sensitive})),
    )


def _are_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
