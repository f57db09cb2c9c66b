"""Holds a schema against the versions before it, as the configuration of its subject says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.schema.level import check
from ottla.registry.store.config import DEFAULT_LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.registry.schema.metadata import Metadata
    from ottla.registry.schema.parsed import ParsedSchema
    from ottla.registry.store.catalog import Catalog
    from ottla.registry.store.config import Config
    from ottla.registry.store.records import SchemaRecord

RESERVED_FIELDS = "confluent:reserved"


def against_history(
    catalog: Catalog,
    config: Config,
    schema: ParsedSchema,
    metadata: Metadata | None,
    history: Sequence[SchemaRecord],
) -> list[str]:
    """Why it may not follow on `history` (in ascending order); empty if it may. One that cannot be parsed any more
    stops nobody."""
    found: list[str] = []
    if config.validate_fields:
        found += _reserved_fields(schema, metadata, history[-1] if history else None)
    if config.group is not None:
        group = _group(metadata, config.group)
        history = [record for record in history if _group(record.metadata, config.group) == group]
    level = config.level or DEFAULT_LEVEL
    parsed = ((record.version, catalog.parsed_or_none(record)) for record in reversed(history))
    readable = ((version, each) for version, each in parsed if each is not None)
    found += check(level, schema, readable, lenient=config.is_lenient)
    if found:
        checks_fields = str(bool(config.validate_fields)).lower()
        found.append(f"{{validateFields: '{checks_fields}', compatibility: '{level}'}}")
    return found


def _group(metadata: Metadata | None, name: str) -> str | None:
    return metadata.properties.get(name) if metadata is not None else None


def _reserved_fields(schema: ParsedSchema, metadata: Metadata | None, previous: SchemaRecord | None) -> list[str]:
    """Names that the metadata sets aside may not become fields, nor be given back."""
    reserved = _reserved(metadata)
    gone = _reserved(previous.metadata if previous is not None else None) - reserved
    found = [
        f'{{errorType:"RESERVED_FIELD_REMOVED", description:"the reserved field \'{name}\' of the old schema is no '
        f'longer reserved in the new one"}}'
        for name in sorted(gone)
    ]
    found += [
        f'{{errorType:"FIELD_CONFLICTS_WITH_RESERVED_FIELD", description:"the new schema has a field \'{name}\', '
        f'which is reserved"}}'
        for name in sorted(reserved & schema.top_level_fields())
    ]
    return found


def _reserved(metadata: Metadata | None) -> set[str]:
    text = metadata.properties.get(RESERVED_FIELDS, "") if metadata is not None else ""
    return {name.strip() for name in text.split(",") if name.strip()}
