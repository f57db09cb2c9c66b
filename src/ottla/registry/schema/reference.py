"""What a schema needs of another: the name that it uses, and the subject and version where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    name: str
    subject: str
    version: int

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Reference:
        """`ValueError` says what is missing."""
        name, subject, version = value.get("name"), value.get("subject"), value.get("version")
        if not isinstance(name, str) or not isinstance(subject, str):
            raise ValueError("a reference needs a name and a subject")
        if isinstance(version, bool) or not isinstance(version, int):
            raise ValueError(f"the reference '{name}' needs a version")
        return cls(name, subject, version)

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "subject": self.subject, "version": self.version}

    def digest_bytes(self) -> bytes:
        return self.name.encode() + self.subject.encode() + self.version.to_bytes(4, "big", signed=True)
