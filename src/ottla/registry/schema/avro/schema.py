"""An Avro schema, parsed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ottla.registry.schema.avro.canonical import canonical_json, normal_json
from ottla.registry.schema.avro.compatibility import incompatibilities
from ottla.registry.schema.avro.parser import AvroParser
from ottla.registry.schema.avro.types import AvroType, Enum, Fixed, Record
from ottla.registry.schema.compact_json import compact_json
from ottla.registry.schema.parsed import AVRO, ParsedSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.registry.schema.difference import Difference
    from ottla.registry.schema.reference import Reference

RESOLVED = "resolved"


class AvroSchema:
    """`texts` are those that the references stand for, in the order in which they are needed."""

    schema_type = AVRO

    def __init__(
        self,
        text: str,
        references: Sequence[Reference] = (),
        texts: Mapping[str, str] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        parser = AvroParser(strict=strict)
        for each in (texts or {}).values():
            parser.parse(each)
        self._referenced = frozenset(parser.names)
        self.type: AvroType = parser.parse(text)
        self.references = tuple(references)
        self._texts = dict(texts or {})

    @property
    def name(self) -> str | None:
        return self.type.name.full if isinstance(self.type, Record | Enum | Fixed) else None

    @cached_property
    def canonical(self) -> str:
        return compact_json(canonical_json(self.type, self._referenced))

    def normalized(self) -> AvroSchema:
        text = compact_json(normal_json(self.type, self._referenced))
        return AvroSchema(text, sorted(set(self.references)), self._texts)

    def formatted(self, form: str) -> str:
        return self.resolved_text() if form == RESOLVED else self.canonical

    def resolved_text(self) -> str:
        return compact_json(canonical_json(self.type))

    def incompatibilities(self, previous: ParsedSchema, *, lenient: bool = False) -> list[Difference]:
        assert isinstance(previous, AvroSchema)
        return incompatibilities(self.type, previous.type)

    def top_level_fields(self) -> frozenset[str]:
        return frozenset(field.name for field in self.type.fields) if isinstance(self.type, Record) else frozenset()
