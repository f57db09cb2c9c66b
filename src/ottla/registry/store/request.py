"""A schema as a client sends it: to be registered, looked up, or held against others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ottla.registry.errors import RegistryError
from ottla.registry.schema.metadata import Metadata
from ottla.registry.schema.parsed import AVRO
from ottla.registry.schema.reference import Reference
from ottla.registry.schema.rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNPROCESSABLE: Final = 422
NEXT_VERSION: Final = 0
LATEST_VERSION: Final = -1
NO_ID: Final = -1


@dataclass(frozen=True, slots=True)
class SchemaRequest:
    text: str
    schema_type: str = AVRO
    references: tuple[Reference, ...] = ()
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None
    version: int = NEXT_VERSION
    id: int = NO_ID

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> SchemaRequest:
        text, schema_type = value.get("schema"), value.get("schemaType")
        references, version, schema_id = value.get("references"), value.get("version"), value.get("id")
        if not isinstance(text, str | None) or not isinstance(schema_type, str | None):
            raise RegistryError(_UNPROCESSABLE, "schema and schemaType are strings")
        if not isinstance(references, list | None) or not all(isinstance(each, dict) for each in references or ()):
            raise RegistryError(_UNPROCESSABLE, "references are an array of objects")
        if not isinstance(version, int | None) or not isinstance(schema_id, int | None):
            raise RegistryError(_UNPROCESSABLE, "version and id are numbers")
        try:
            return cls(
                text or "",
                schema_type or AVRO,
                tuple(Reference.from_json(each) for each in references or ()),
                Metadata.from_json(value.get("metadata")),
                RuleSet.from_json(value.get("ruleSet")),
                NEXT_VERSION if version is None else version,
                NO_ID if schema_id is None else schema_id,
            )
        except ValueError as error:
            raise RegistryError(_UNPROCESSABLE, str(error)) from None

    @property
    def is_empty(self) -> bool:
        return not self.text.strip()

    def with_contract(self, metadata: Metadata | None, rule_set: RuleSet | None) -> SchemaRequest:
        return replace(self, metadata=metadata, rule_set=rule_set)
