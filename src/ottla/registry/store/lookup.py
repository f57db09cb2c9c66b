"""Finds the version of a subject that a given schema is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ottla.registry.errors import RegistryError
from ottla.registry.schema.fingerprint import fingerprint
from ottla.registry.schema.metadata import merged_metadata, with_version
from ottla.registry.schema.rule_set import merged_rule_sets
from ottla.registry.store.records import SchemaKey, SchemaRecord
from ottla.registry.store.request import NEXT_VERSION, SchemaRequest
from ottla.registry.subject import DEFAULT_CONTEXT, QualifiedSubject

if TYPE_CHECKING:
    from ottla.registry.schema.parsed import ParsedSchema
    from ottla.registry.store.catalog import Catalog
    from ottla.registry.store.config import Config
    from ottla.registry.store.state import RegistryState


def canonical_request(
    catalog: Catalog, subject: str, request: SchemaRequest, *, strict: bool = False, normalize: bool = False
) -> tuple[SchemaRequest, ParsedSchema]:
    """The request with its text as it would be stored. `RegistryError(INVALID_SCHEMA)`."""
    parsed = catalog.parse(subject, request.schema_type, request.text, request.references, strict=strict)
    if normalize:
        parsed = parsed.normalized()
    return replace(request, text=parsed.canonical, references=tuple(parsed.references)), parsed


def digest_of(request: SchemaRequest) -> bytes:
    return fingerprint(request.text, request.references, request.metadata, request.rule_set)


def find_version(
    state: RegistryState, catalog: Catalog, subject: str, request: SchemaRequest, *, normalize: bool, deleted: bool
) -> SchemaRecord | None:
    """Under the subject, with the contract that is given or that it would be registered with."""
    found = _find(state, catalog, subject, request, normalize=normalize, deleted=deleted)
    if found is not None:
        return found
    latest = state.latest(subject)
    if latest is None:
        return None
    completed = with_contract_of(state.config_in_scope(subject), request, latest, None)
    if completed == request:
        return None
    return _find(state, catalog, subject, completed, normalize=normalize, deleted=deleted)


def find_version_anywhere(
    state: RegistryState, catalog: Catalog, subject: str, request: SchemaRequest, *, normalize: bool, deleted: bool
) -> SchemaRecord | None:
    """An unqualified subject is looked for in every context."""
    found = find_version(state, catalog, subject, request, normalize=normalize, deleted=deleted)
    if found is not None or QualifiedSubject.parse(subject).context != DEFAULT_CONTEXT:
        return found
    for context in state.contexts:
        there = str(QualifiedSubject(context, subject))
        if not state.versions(there):
            continue
        try:
            found = find_version(state, catalog, there, request, normalize=normalize, deleted=deleted)
        except RegistryError:
            continue
        if found is not None:
            return found
    return None


def _find(
    state: RegistryState, catalog: Catalog, subject: str, request: SchemaRequest, *, normalize: bool, deleted: bool
) -> SchemaRecord | None:
    if request.is_empty:
        return None
    normal, parsed = canonical_request(catalog, subject, request, normalize=normalize)
    same = state.id_of(subject, digest_of(normal))
    if same is not None and subject in same[1]:
        record = state.record(SchemaKey(subject, same[1][subject]))
        if record is not None and (deleted or not record.deleted):
            return record
    for record in reversed(state.versions(subject)):
        if (deleted or not record.deleted) and is_same(catalog, normal, parsed, record):
            return record
    return None


def is_same(catalog: Catalog, request: SchemaRequest, parsed: ParsedSchema, record: SchemaRecord) -> bool:
    """The same but for references that are resolved in the one, or a version that the other was stored with."""
    if request.schema_type != record.schema_type or request.rule_set != record.rule_set:
        return False
    if request.metadata != record.metadata:
        stored = record.metadata
        bare = stored.without_version() if stored is not None else None
        given = request.metadata
        if bare is None or (given is not None and given.version is not None):
            return False
        if given != bare and not (given is None and not bare.to_json()):
            return False
    if request.references == record.references:
        return catalog.canonical_or_none(record) == parsed.canonical
    if request.references:
        return False
    stored_schema = catalog.parsed_or_none(record)
    return stored_schema is not None and parsed.resolved_text() == stored_schema.resolved_text()


def with_contract_of(
    config: Config, request: SchemaRequest, previous: SchemaRecord | None, new_version: int | None
) -> SchemaRequest:
    """Metadata and rules: its own, else those of the previous version, between what the config says as default and
    what it says over all."""
    metadata, rule_set = request.metadata, request.rule_set
    if metadata is None and previous is not None:
        metadata = previous.metadata
    if rule_set is None and previous is not None:
        rule_set = previous.rule_set
    metadata = merged_metadata(merged_metadata(config.default_metadata, metadata), config.override_metadata)
    rule_set = merged_rule_sets(merged_rule_sets(config.default_rule_set, rule_set), config.override_rule_set)
    has_version = metadata is not None and metadata.version is not None
    if new_version is not None and (request.version != NEXT_VERSION or has_version):
        metadata = with_version(metadata, new_version)
    if metadata is None and rule_set is None:
        return request
    return request.with_contract(metadata, rule_set)
