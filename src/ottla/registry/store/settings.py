"""Changes configs and modes: of a subject, of a context, or (`None`) of the default context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.errors import (
    INVALID_MODE,
    OPERATION_NOT_PERMITTED,
    RegistryError,
    read_only,
    reference_exists,
    subject_not_found,
)
from ottla.registry.store.config import Config
from ottla.registry.store.decision import Decision
from ottla.registry.store.mode import Mode
from ottla.registry.store.records import ClearSubject, ClearSubjectKey, ConfigKey, ModeKey
from ottla.registry.store.state import matching
from ottla.registry.subject import QualifiedSubject, is_global

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.registry.store.decision import StoredRecord
    from ottla.registry.store.state import RegistryState


def update_config(state: RegistryState, subject: str | None, request: Mapping[str, object]) -> Decision[Config]:
    if state.mode_in_scope(subject).is_read_only:
        raise read_only(subject)
    config = state.configs.get(subject, Config()).updated(request)
    return Decision(config, [(ConfigKey(subject), config)])


def delete_config(state: RegistryState, subject: str | None) -> Decision[Config]:
    """The response is what was configured."""
    old = state.config(subject)
    if old is None:
        raise subject_not_found(subject or "")
    if state.mode_in_scope(subject).is_read_only:
        raise read_only(subject)
    return Decision(old, [(ConfigKey(subject), None)])


def set_mode(state: RegistryState, subject: str | None, mode: Mode | None, *, force: bool) -> Decision[Mode | None]:
    """IMPORT needs a place without schemas, unless it is forced; what was deleted there is deleted for good."""
    if mode is Mode.FORWARD and not is_global(subject):
        raise RegistryError(INVALID_MODE, "Mode FORWARD is for all contexts alone")
    records: list[StoredRecord] = []
    if mode is Mode.IMPORT and state.mode_in_scope(subject) is not Mode.IMPORT and not force:
        if state.has_subjects(subject, deleted=False):
            raise RegistryError(OPERATION_NOT_PERMITTED, "Cannot import where schemas are already")
        matches = matching(subject)
        for record in state.records():
            if not matches(record.subject):
                continue
            if any(not matches(each.subject) for each in state.referring(record.key, deleted=True)):
                raise reference_exists(record.subject, record.version)
            records.append((record.key, None))
        records.append((ClearSubjectKey(subject), ClearSubject(subject)))
    records.append((ModeKey(subject), mode))
    return Decision(mode, records)


def delete_mode(state: RegistryState, subject: str | None, *, recursive: bool) -> Decision[Mode | None]:
    """The response is the mode that was set; `recursive` takes away those of a context's subjects, too."""
    old = state.mode(subject)
    if old is None and not recursive:
        raise subject_not_found(subject or "")
    records: list[StoredRecord] = [(ModeKey(subject), None)]
    if recursive and QualifiedSubject.parse(subject or "").is_context:
        matches = matching(subject)
        below = [each for each in state.modes if each is not None and each != subject and matches(each)]
        records += [(ModeKey(each), None) for each in below]
    return Decision(old, records)
