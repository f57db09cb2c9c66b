"""Deletes versions and subjects: softly, which hides them, and then for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.errors import (
    CONTEXT_NOT_EMPTY,
    SUBJECT_NOT_SOFT_DELETED,
    SUBJECT_SOFT_DELETED,
    VERSION_NOT_SOFT_DELETED,
    VERSION_SOFT_DELETED,
    RegistryError,
    read_only,
    reference_exists,
    subject_not_found,
    version_not_found,
)
from ottla.registry.store.catalog import LATEST
from ottla.registry.store.decision import Decision
from ottla.registry.store.records import (
    ConfigKey,
    ContextKey,
    DeleteSubject,
    DeleteSubjectKey,
    ModeKey,
    SchemaKey,
    SchemaRecord,
)
from ottla.registry.subject import QualifiedSubject

if TYPE_CHECKING:
    from ottla.registry.store.decision import StoredRecord
    from ottla.registry.store.state import RegistryState


def delete_version(state: RegistryState, subject: str, version: int, *, permanent: bool) -> Decision[int]:
    """The response is the version's number."""
    record = _find(state, subject, version)
    if record.deleted and not permanent:
        raise RegistryError(
            VERSION_SOFT_DELETED,
            f"Version {record.version} of subject '{subject}' is deleted already. permanent=true deletes it for good",
        )
    _check_writable(state, subject)
    if state.referring(record.key, deleted=permanent):
        raise reference_exists(subject, record.version)
    if not permanent:
        return Decision(record.version, [(record.key, record.deleted_now())])
    if not record.deleted:
        raise RegistryError(
            VERSION_NOT_SOFT_DELETED,
            f"Version {record.version} of subject '{subject}' must be deleted softly before it is deleted for good",
        )
    records: list[StoredRecord] = [(record.key, None)]
    if len(state.versions(subject)) == 1:
        records += _settings(state, subject)
    return Decision(record.version, records)


def delete_subject(state: RegistryState, subject: str, *, permanent: bool) -> Decision[list[int]]:
    """The response has the versions that were deleted."""
    versions = state.versions(subject)
    if not versions:
        raise subject_not_found(subject)
    live = [record for record in versions if not record.deleted]
    if not permanent and not live:
        raise RegistryError(
            SUBJECT_SOFT_DELETED, f"Subject '{subject}' is deleted already. permanent=true deletes it for good"
        )
    _check_writable(state, subject)
    gone = versions if permanent else live
    for record in gone:
        if any(each.subject != subject for each in state.referring(record.key, deleted=permanent)):
            raise reference_exists(subject, record.version)
    numbers = [record.version for record in gone]
    if not permanent:
        return Decision(numbers, [(DeleteSubjectKey(subject), DeleteSubject(subject, numbers[-1]))])
    if live:
        raise RegistryError(
            SUBJECT_NOT_SOFT_DELETED, f"Subject '{subject}' must be deleted softly before it is deleted for good"
        )
    records: list[StoredRecord] = [(record.key, None) for record in reversed(gone)]
    return Decision(numbers, records + _settings(state, subject))


def delete_context(state: RegistryState, prefix: str) -> Decision[None]:
    context = QualifiedSubject.parse(prefix).context
    if any(QualifiedSubject.parse(record.subject).context == context for record in state.records()):
        raise RegistryError(CONTEXT_NOT_EMPTY, f"Context '{context}' has schemas in it")
    if context not in state.contexts:
        return Decision(None)
    return Decision(None, [(ContextKey(context), None), *_settings(state, prefix)])


def _find(state: RegistryState, subject: str, version: int) -> SchemaRecord:
    record = state.latest(subject) if version == LATEST else state.record(SchemaKey(subject, version))
    if record is not None:
        return record
    if not state.has_subjects(subject, deleted=True):
        raise subject_not_found(subject)
    raise version_not_found(version)


def _check_writable(state: RegistryState, subject: str) -> None:
    if state.mode_in_scope(subject).is_read_only:
        raise read_only(subject)


def _settings(state: RegistryState, subject: str) -> list[StoredRecord]:
    """A subject takes its mode and its config with it."""
    records: list[StoredRecord] = []
    if subject in state.modes:
        records.append((ModeKey(subject), None))
    if subject in state.configs:
        records.append((ConfigKey(subject), None))
    return records
