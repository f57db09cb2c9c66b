"""Registers a schema under a subject: finds it, or holds it against the versions before it and gives it a version."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ottla.registry.errors import (
    INCOMPATIBLE_SCHEMA,
    OPERATION_NOT_PERMITTED,
    RegistryError,
    invalid_schema,
    read_only,
)
from ottla.registry.store.compatibility import against_history
from ottla.registry.store.decision import Decision
from ottla.registry.store.lookup import canonical_request, digest_of, find_version, is_same, with_contract_of
from ottla.registry.store.mode import Mode
from ottla.registry.store.records import Context, ContextKey, SchemaKey, SchemaRecord
from ottla.registry.store.request import LATEST_VERSION, NEXT_VERSION, NO_ID, SchemaRequest
from ottla.registry.subject import DEFAULT_CONTEXT, context_of

if TYPE_CHECKING:
    from ottla.registry.schema.parsed import ParsedSchema
    from ottla.registry.store.catalog import Catalog
    from ottla.registry.store.config import Config
    from ottla.registry.store.decision import StoredRecord
    from ottla.registry.store.state import RegistryState


def find_registered(
    state: RegistryState, catalog: Catalog, subject: str, request: SchemaRequest, *, normalize: bool
) -> SchemaRecord | None:
    """What any instance can answer by itself: the schema is there already."""
    config = state.config_in_scope(subject)
    if config.has_defaults_or_overrides or request.is_empty or request.version > NEXT_VERSION:
        return None
    if not state.versions(subject):
        return None
    found = find_version(state, catalog, subject, request, normalize=normalize, deleted=False)
    if found is None or (request.id != NO_ID and request.id != found.id):
        return None
    if request.version == LATEST_VERSION and found != state.latest(subject):
        return None
    return found


def register(
    state: RegistryState,
    catalog: Catalog,
    subject: str,
    request: SchemaRequest,
    *,
    normalize: bool = False,
    force: bool = False,
) -> Decision[SchemaRecord]:
    """`RegistryError` says why it may not be."""
    mode = state.mode_in_scope(subject)
    _check_mode(mode, subject, request)
    config = state.config_in_scope(subject)
    versions = state.versions(subject)
    live = [record for record in versions if not record.deleted]
    new_version = versions[-1].version + 1 if versions else 1
    if not mode.takes_ids:
        request = _completed(config, request, live, new_version)
    if request.is_empty:
        raise invalid_schema("Empty schema")
    strict = request.id == NO_ID and config.checks_new_schemas and not mode.takes_ids
    request, parsed = canonical_request(
        catalog, subject, request, strict=strict, normalize=normalize and not mode.takes_ids
    )
    existing, schema_id = _existing(state, catalog, subject, request, parsed, live)
    if existing is not None:
        return Decision(existing)
    if not mode.takes_ids and not force:
        found = against_history(catalog, config, parsed, request.metadata, live)
        if found:
            raise RegistryError(
                INCOMPATIBLE_SCHEMA,
                f'Schema being registered is incompatible with an earlier schema for subject "{subject}", '
                f"details: [{', '.join(found)}]",
            )
    version = request.version if request.version > NEXT_VERSION else new_version
    if version != new_version and not mode.takes_ids:
        raise invalid_schema(f"Version {version} is not the next one of subject '{subject}', {new_version}")
    return _stored(state, subject, request, version, schema_id)


def _check_mode(mode: Mode, subject: str, request: SchemaRequest) -> None:
    if mode.is_read_only:
        raise read_only(subject)
    if request.id != NO_ID and not mode.takes_ids:
        raise RegistryError(OPERATION_NOT_PERMITTED, f"Subject {subject} is not in import mode")
    if request.id == NO_ID and mode is not Mode.READWRITE:
        raise RegistryError(OPERATION_NOT_PERMITTED, f"Subject {subject} is not in read-write mode")


def _completed(config: Config, request: SchemaRequest, live: list[SchemaRecord], new_version: int) -> SchemaRequest:
    """What is not said is as in the previous version: the schema itself, metadata, rules."""
    previous = live[-1] if live else None
    if request.is_empty and previous is not None:
        request = replace(request, text=previous.text, schema_type=previous.schema_type, references=previous.references)
    return with_contract_of(config, request, previous, new_version)


def _existing(
    state: RegistryState,
    catalog: Catalog,
    subject: str,
    request: SchemaRequest,
    parsed: ParsedSchema,
    live: list[SchemaRecord],
) -> tuple[SchemaRecord | None, int]:
    """The version that it is already, or the id that it has under another subject or asks for."""
    schema_id = request.id
    same = state.id_of(subject, digest_of(request))
    if same is not None and schema_id in (NO_ID, same[0]):
        schema_id, places = same
        version = places.get(subject)
        record = state.record(SchemaKey(subject, version)) if version is not None else None
        if request.version == NEXT_VERSION and record is not None and not record.deleted:
            return record, schema_id
    if request.version == NEXT_VERSION:
        for record in reversed(live):
            if schema_id in (NO_ID, record.id) and is_same(catalog, request, parsed, record):
                return record, schema_id
    return None, schema_id


def _stored(
    state: RegistryState, subject: str, request: SchemaRequest, version: int, schema_id: int
) -> Decision[SchemaRecord]:
    if schema_id == NO_ID:
        schema_id = state.next_id(subject)
    else:
        _check_id(state, subject, request, schema_id)
    record = SchemaRecord(
        subject,
        version,
        schema_id,
        request.text,
        request.schema_type,
        request.references,
        request.metadata,
        request.rule_set,
    )
    records: list[StoredRecord] = []
    context = context_of(subject)
    if context != DEFAULT_CONTEXT and context not in state.contexts:
        records.append((ContextKey(context), Context(context)))
    for old in state.versions(subject):
        # The same schema comes back after a deletion: its earlier version gives way, unless another schema needs it.
        replaced = old.deleted and old.id == schema_id and old.version < version
        if replaced and not state.referring(old.key, deleted=True):
            records.append((old.key, None))
    records.append((record.key, record))
    return Decision(record, records)


def _check_id(state: RegistryState, subject: str, request: SchemaRequest, schema_id: int) -> None:
    for place, version in state.places(context_of(subject), schema_id).items():
        known = state.record(SchemaKey(place, version))
        if known is not None and known.digest != digest_of(request):
            raise RegistryError(
                OPERATION_NOT_PERMITTED,
                f"Id {schema_id} is another schema's in context {context_of(subject)}: it may not be overwritten",
            )
