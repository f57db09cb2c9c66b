"""What every kind of schema can do once it is parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.registry.schema.difference import Difference
    from ottla.registry.schema.reference import Reference

AVRO = "AVRO"
JSON = "JSON"
PROTOBUF = "PROTOBUF"


class ParsedSchema(Protocol):
    @property
    def schema_type(self) -> str: ...

    @property
    def references(self) -> Sequence[Reference]: ...

    @property
    def name(self) -> str | None:
        """The full name of what it describes, if it has one."""

    @property
    def canonical(self) -> str:
        """As it is stored and hashed: the same for texts that differ in white space alone."""

    def normalized(self) -> ParsedSchema:
        """The same for texts that differ in order, or in ways to write the same thing."""

    def formatted(self, form: str) -> str:
        """The text in the form that a client asks for; a form that is not known is the canonical one."""

    def resolved_text(self) -> str:
        """Equal for two schemas that are the same once all that they refer to is put in its place."""

    def incompatibilities(self, previous: ParsedSchema, *, lenient: bool = False) -> list[Difference]:
        """Why this, as the reader, cannot read what was written with `previous`; empty if it can."""

    def top_level_fields(self) -> frozenset[str]: ...
