"""Everything that `_schemas` says, in memory. `replay` is the only writer; the rest looks.

Ids are of a context: `1` in the default one and `1` in `:.eu:` are two schemas. A schema has one id wherever in its
context it stands, found by its fingerprint.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

from ottla.registry.store.config import DEFAULT_LEVEL, Config
from ottla.registry.store.mode import Mode
from ottla.registry.store.records import (
    ClearSubject,
    ConfigKey,
    Context,
    ContextKey,
    DeleteSubject,
    Key,
    ModeKey,
    SchemaKey,
    SchemaRecord,
    Value,
)
from ottla.registry.subject import (
    ANY_CONTEXT,
    DEFAULT_CONTEXT,
    GLOBAL_CONTEXT,
    QualifiedSubject,
    context_of,
    qualified_by,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.registry.schema.level import CompatibilityLevel
    from ottla.registry.schema.metadata import Metadata


class RegistryState:
    def __init__(self, default_level: CompatibilityLevel = DEFAULT_LEVEL) -> None:
        self.default_level = default_level
        self.configs: dict[str | None, Config] = {}
        self.modes: dict[str | None, Mode] = {}
        self.contexts: list[str] = []
        """All but the default one, in order."""
        self._subjects: dict[str, dict[int, SchemaRecord]] = {}
        self._by_id: dict[str, dict[int, dict[str, int]]] = {}
        self._by_digest: dict[str, dict[bytes, int]] = {}
        self._referring: dict[SchemaKey, set[SchemaKey]] = {}
        self._max_ids: dict[str, int] = {}

    # Replay

    def replay(self, key: Key, value: Value | None) -> bool:
        """False: it was ignored, as every registry that reads this log ignores it."""
        match key, value:
            case SchemaKey(), None:
                self._forget(key)
            case SchemaKey(), SchemaRecord():
                return self._put(value)
            case ConfigKey(subject), Config():
                self.configs[subject] = value
            case ConfigKey(subject), None:
                self.configs.pop(subject, None)
            case ModeKey(subject), Mode():
                self.modes[subject] = value
            case ModeKey(subject), None:
                self.modes.pop(subject, None)
            case ContextKey(context), Context():
                if context not in self.contexts and context != DEFAULT_CONTEXT:
                    insort(self.contexts, context)
            case ContextKey(context), None:
                if context in self.contexts:
                    self.contexts.remove(context)
            case _, DeleteSubject(subject, version):
                self._delete_subject(subject, version)
            case _, ClearSubject(subject):
                self._clear(subject)
        return True

    def _put(self, record: SchemaRecord) -> bool:
        context = context_of(record.subject)
        same_id = self._by_id.setdefault(context, {}).setdefault(record.id, {})
        for subject, version in same_id.items():
            known = self._subjects.get(subject, {}).get(version)
            if known is not None and known.text != record.text:
                return False  # two leaders gave one id to two schemas: the first one has it
        old = self._subjects.get(record.subject, {}).get(record.version)
        if old is not None and old.id != record.id:
            self._forget(old.key)
            same_id = self._by_id[context].setdefault(record.id, {})
        self._subjects.setdefault(record.subject, {})[record.version] = record
        same_id[record.subject] = record.version
        self._by_digest.setdefault(context, {})[record.digest] = record.id
        self._max_ids[context] = max(self._max_ids.get(context, 0), record.id)
        for reference in record.references:
            target = SchemaKey(qualified_by(record.subject, reference.subject), reference.version)
            self._referring.setdefault(target, set()).add(record.key)
        return True

    def _forget(self, key: SchemaKey) -> None:
        versions = self._subjects.get(key.subject)
        record = versions.pop(key.version, None) if versions is not None else None
        if record is None:
            return
        if not versions:
            del self._subjects[key.subject]
        ids = self._by_id.get(context_of(key.subject), {})
        same_id = ids.get(record.id, {})
        if same_id.get(key.subject) == key.version:
            del same_id[key.subject]
            if not same_id:
                ids.pop(record.id, None)
        for reference in record.references:
            target = SchemaKey(qualified_by(key.subject, reference.subject), reference.version)
            self._referring.get(target, set()).discard(key)

    def _delete_subject(self, subject: str, until: int) -> None:
        versions = self._subjects.get(subject, {})
        for version, record in versions.items():
            if version <= until and not record.deleted:
                versions[version] = record.deleted_now()

    def _clear(self, subject: str | None) -> None:
        matches = matching(subject)
        gone = [record.key for record in self.records() if record.deleted and matches(record.subject)]
        for key in gone:
            self._forget(key)

    # Schemas

    def records(self) -> Iterator[SchemaRecord]:
        for versions in self._subjects.values():
            yield from versions.values()

    def record(self, key: SchemaKey) -> SchemaRecord | None:
        return self._subjects.get(key.subject, {}).get(key.version)

    def versions(self, subject: str) -> list[SchemaRecord]:
        """In ascending order, deleted ones, too."""
        return [record for _, record in sorted(self._subjects.get(subject, {}).items())]

    def live_versions(self, subject: str) -> list[SchemaRecord]:
        return [record for record in self.versions(subject) if not record.deleted]

    def latest(self, subject: str) -> SchemaRecord | None:
        live = self.live_versions(subject)
        return live[-1] if live else None

    def has_subjects(self, subject: str | None, *, deleted: bool) -> bool:
        """Whether there is a schema under the subject, or in the context."""
        matches = matching(subject)
        if subject and not QualifiedSubject.parse(subject).is_context:
            return any(deleted or not each.deleted for each in self._subjects.get(subject, {}).values())
        return any(matches(each.subject) and (deleted or not each.deleted) for each in self.records())

    def subjects(self) -> list[str]:
        return sorted(self._subjects)

    def subjects_under(self, prefix: str) -> list[str]:
        """Those that begin with it: in the default context, or in the one that it names, or (`:*:…`) in all."""
        if prefix.startswith(ANY_CONTEXT):
            name = prefix.removeprefix(ANY_CONTEXT)
            if not name:
                return self.subjects()
            return [each for each in self.subjects() if QualifiedSubject.parse(each).name.startswith(name)]
        return [each for each in self.subjects() if each.startswith(prefix)]

    def id_of(self, subject: str, digest: bytes) -> tuple[int, dict[str, int]] | None:
        """The id of a schema in the subject's context, and where it stands."""
        context = context_of(subject)
        schema_id = self._by_digest.get(context, {}).get(digest)
        if schema_id is None:
            return None
        places = self._by_id.get(context, {}).get(schema_id)
        return (schema_id, places) if places else None

    def places(self, context: str, schema_id: int) -> dict[str, int]:
        """Subjects and versions that have this id."""
        return self._by_id.get(context, {}).get(schema_id, {})

    def id_of_guid(self, context: str, digest: bytes) -> int | None:
        schema_id = self._by_digest.get(context, {}).get(digest)
        return schema_id if schema_id is not None and self.places(context, schema_id) else None

    def by_id(self, schema_id: int, subject: str | None) -> SchemaRecord | None:
        """Looks in the subject's context; for an unqualified subject in the others, too, where it has that id."""
        wanted = QualifiedSubject.parse(subject or "")
        found = self._by_id_in(wanted, schema_id)
        if found is not None or wanted.is_context or wanted.context != DEFAULT_CONTEXT:
            return found
        for context in self.contexts:
            found = self._by_id_in(QualifiedSubject(context, wanted.name), schema_id)
            if found is not None:
                return found
        return self._by_id_in(QualifiedSubject(wanted.context, ""), schema_id)

    def _by_id_in(self, wanted: QualifiedSubject, schema_id: int) -> SchemaRecord | None:
        places = self.places(wanted.context, schema_id)
        subject = next(iter(places), None) if wanted.is_context else str(wanted)
        version = places.get(subject) if subject is not None else None
        return self.record(SchemaKey(subject, version)) if subject is not None and version is not None else None

    def max_id(self, context: str) -> int:
        return self._max_ids.get(context, 0)

    def next_id(self, subject: str) -> int:
        context = context_of(subject)
        following = self.max_id(context) + 1
        while self.places(context, following):
            following += 1
        return following

    def referring(self, key: SchemaKey, *, deleted: bool) -> list[SchemaRecord]:
        """The schemas that need this one."""
        found = (self.record(each) for each in self._referring.get(key, ()))
        return [each for each in found if each is not None and (deleted or not each.deleted)]

    # Config and mode

    def config(self, subject: str | None) -> Config | None:
        """What was set there and nowhere else; of all and of the global context there is always one."""
        found = self.configs.get(subject)
        if found is not None:
            return found.with_level(self.default_level)
        if subject is None or context_of(subject) == GLOBAL_CONTEXT:
            return Config(level=self.default_level)
        return None

    def config_in_scope(self, subject: str | None) -> Config:
        """What holds for it: its own, else its context's, else that of all contexts."""
        own = self.config(subject) if subject is not None else None
        if own is not None:
            return own.over(self.config(None) or Config())
        for place in _scopes(subject):
            found = self.configs.get(place)
            if found is not None:
                return found.with_level(self.default_level)
        return Config(level=self.default_level)

    def mode(self, subject: str | None) -> Mode | None:
        found = self.modes.get(subject)
        if found is None and (subject is None or context_of(subject) == GLOBAL_CONTEXT):
            return Mode.READWRITE
        return found

    def mode_in_scope(self, subject: str | None) -> Mode:
        for place in (subject, *_scopes(subject)):
            found = self.modes.get(place)
            if found is not None:
                return found
        return Mode.READWRITE


def _scopes(subject: str | None) -> tuple[str | None, str]:
    """Where to look after the subject itself."""
    context = context_of(subject)
    return (None if context == DEFAULT_CONTEXT else f":{context}:", f":{GLOBAL_CONTEXT}:")


def matching(subject: str | None) -> Callable[[str], bool]:
    """For a subject itself; for a context (`None`: the default one) everything in it; for the global one everything."""
    wanted = QualifiedSubject.parse(subject or "")
    if not wanted.is_context:
        return lambda each: each == subject
    if wanted.context == GLOBAL_CONTEXT:
        return lambda _: True
    return lambda each: context_of(each) == wanted.context


def has_properties(metadata: Metadata | None, wanted: dict[str, str]) -> bool:
    return metadata is not None and wanted.items() <= dict(metadata.properties).items()
