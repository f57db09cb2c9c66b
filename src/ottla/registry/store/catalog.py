"""Parsed schemas: finds what a schema refers to in the state, and keeps what was parsed of late."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from ottla.registry.errors import RegistryError, invalid_schema
from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.parse import parse_schema
from ottla.registry.store.records import SchemaKey
from ottla.registry.subject import QualifiedSubject, qualified_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.registry.schema.parsed import ParsedSchema
    from ottla.registry.schema.reference import Reference
    from ottla.registry.store.records import SchemaRecord
    from ottla.registry.store.state import RegistryState

PARSED_SCHEMAS_MAX: Final = 1_000
CANONICAL_TEXTS_MAX: Final = 100_000
LATEST: Final = -1


class Catalog:
    def __init__(self, state: RegistryState) -> None:
        self._state = state
        self._parsed: OrderedDict[tuple[object, ...], ParsedSchema] = OrderedDict()
        self._canonical: dict[tuple[str, str], str | None] = {}
        """(type, text) → canonical form, which most stored texts are themselves: the strings are the state's."""

    def parse(
        self, subject: str, schema_type: str, text: str, references: Sequence[Reference] = (), *, strict: bool = False
    ) -> ParsedSchema:
        """`RegistryError(INVALID_SCHEMA)` says what is wrong."""
        try:
            texts = self._texts(subject, references)
            key = (schema_type, text, tuple(references), tuple(texts.items()), strict)
            found = self._parsed.get(key)
            if found is None:
                found = self._parsed[key] = parse_schema(schema_type, text, references, texts, strict=strict)
                if len(self._parsed) > PARSED_SCHEMAS_MAX:
                    self._parsed.popitem(last=False)
            else:
                self._parsed.move_to_end(key)
        except (SchemaError, RecursionError) as error:
            reason = str(error) or type(error).__name__
            raise invalid_schema(f"Invalid schema of type {schema_type}: {reason}") from None
        return found

    def parsed(self, record: SchemaRecord) -> ParsedSchema:
        return self.parse(record.subject, record.schema_type, record.text, record.references)

    def parsed_or_none(self, record: SchemaRecord) -> ParsedSchema | None:
        """A stored schema may be one that cannot be parsed."""
        try:
            return self.parsed(record)
        except RegistryError:
            return None

    def canonical_or_none(self, record: SchemaRecord) -> str | None:
        """What its text is in canonical form. Without references it is parsed for this but once."""
        key = (record.schema_type, record.text)
        if not record.references and key in self._canonical:
            return self._canonical[key]
        schema = self.parsed_or_none(record)
        canonical = schema.canonical if schema is not None else None
        if not record.references:
            if len(self._canonical) >= CANONICAL_TEXTS_MAX:
                del self._canonical[next(iter(self._canonical))]
            self._canonical[key] = record.text if canonical == record.text else canonical
        return canonical

    def _texts(self, subject: str, references: Sequence[Reference]) -> dict[str, str]:
        """Name → text of everything that is needed, the deepest first."""
        texts: dict[str, str] = {}
        self._collect(subject, references, texts, set())
        return texts

    def _collect(self, parent: str, references: Sequence[Reference], texts: dict[str, str], seen: set[str]) -> None:
        for reference in references:
            if reference.name in texts or reference.name in seen:
                continue
            seen.add(reference.name)
            record = self._find(qualified_by(parent, reference.subject), reference.version)
            if record is None:
                where = f"subject '{reference.subject}', version {reference.version}"
                raise SchemaError(f"there is no schema for the reference '{reference.name}' ({where})")
            self._collect(record.subject, record.references, texts, seen)
            texts[reference.name] = record.text

    def _find(self, subject: str, version: int) -> SchemaRecord | None:
        found = self._find_in(subject, version)
        if found is None and QualifiedSubject.parse(subject).prefix == "":
            for context in self._state.contexts:
                found = self._find_in(str(QualifiedSubject(context, subject)), version)
                if found is not None:
                    return found
        return found

    def _find_in(self, subject: str, version: int) -> SchemaRecord | None:
        if version == LATEST:
            return self._state.latest(subject)
        return self._state.record(SchemaKey(subject, version))
