"""The records of `_schemas`, as the Confluent Schema Registry writes them: JSON keys and values.

    {"keytype":"SCHEMA","subject":"s","version":1,"magic":1}   {"subject":"s","version":1,"id":1,"schema":…,…}
    {"keytype":"CONFIG","subject":"s","magic":0}               {"subject":"s","compatibilityLevel":"FULL",…}
    {"keytype":"MODE","magic":0}                               {"mode":"READONLY"}          without subject: of all
    {"keytype":"DELETE_SUBJECT","subject":"s","magic":0}       {"subject":"s","version":3}  soft, up to this version
    {"keytype":"CLEAR_SUBJECT","subject":"s","magic":0}        {"subject":"s"}              forget what is deleted
    {"keytype":"CONTEXT","tenant":"default","context":".c","magic":0}
    {"keytype":"NOOP","magic":0}                               without a value: to see where the end is

The order of members is part of the format: compaction goes by the bytes of keys. A record that cannot be read, or is
of a kind that is not known here, is `None`: it is skipped, and never stops anything.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.registry.schema.compact_json import compact_json
from ottla.registry.schema.fingerprint import fingerprint, guid_text
from ottla.registry.schema.metadata import Metadata
from ottla.registry.schema.parsed import AVRO
from ottla.registry.schema.reference import Reference
from ottla.registry.schema.rule_set import RuleSet
from ottla.registry.store.config import Config
from ottla.registry.store.mode import Mode, parse_mode

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_TENANT: Final = "default"


@dataclass(frozen=True, slots=True)
class SchemaKey:
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class ConfigKey:
    subject: str | None


@dataclass(frozen=True, slots=True)
class ModeKey:
    subject: str | None


@dataclass(frozen=True, slots=True)
class DeleteSubjectKey:
    subject: str


@dataclass(frozen=True, slots=True)
class ClearSubjectKey:
    subject: str | None


@dataclass(frozen=True, slots=True)
class ContextKey:
    context: str
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class NoopKey:
    pass


Key: TypeAlias = SchemaKey | ConfigKey | ModeKey | DeleteSubjectKey | ClearSubjectKey | ContextKey | NoopKey


@dataclass(frozen=True, slots=True)
class SchemaRecord:
    """A version of a subject."""

    subject: str
    version: int
    id: int
    text: str
    schema_type: str = AVRO
    references: tuple[Reference, ...] = ()
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None
    deleted: bool = False
    stored_digest: bytes | None = None
    timestamp_ms: int | None = field(default=None, compare=False)

    @property
    def key(self) -> SchemaKey:
        return SchemaKey(self.subject, self.version)

    @property
    def digest(self) -> bytes:
        if self.stored_digest is not None:
            return self.stored_digest
        return fingerprint(self.text, self.references, self.metadata, self.rule_set)

    @property
    def guid(self) -> str:
        return guid_text(self.digest)

    def deleted_now(self) -> SchemaRecord:
        return replace(self, deleted=True)


@dataclass(frozen=True, slots=True)
class DeleteSubject:
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class ClearSubject:
    subject: str | None


@dataclass(frozen=True, slots=True)
class Context:
    context: str
    tenant: str = DEFAULT_TENANT


Value: TypeAlias = SchemaRecord | Config | Mode | DeleteSubject | ClearSubject | Context


def encode_key(key: Key) -> bytes:
    members: dict[str, object]
    match key:
        case SchemaKey(subject, version):
            members = {"keytype": "SCHEMA", "subject": subject, "version": version, "magic": 1}
        case ConfigKey(subject):
            members = {"keytype": "CONFIG", "subject": subject, "magic": 0}
        case ModeKey(subject):
            members = {"keytype": "MODE", "subject": subject, "magic": 0}
        case DeleteSubjectKey(subject):
            members = {"keytype": "DELETE_SUBJECT", "subject": subject, "magic": 0}
        case ClearSubjectKey(subject):
            members = {"keytype": "CLEAR_SUBJECT", "subject": subject, "magic": 0}
        case ContextKey(context, tenant):
            members = {"keytype": "CONTEXT", "tenant": tenant, "context": context, "magic": 0}
        case NoopKey():
            members = {"keytype": "NOOP", "magic": 0}
    return _encode(members)


def encode_value(key: Key, value: Value) -> bytes:
    members: dict[str, object]
    match value:
        case SchemaRecord():
            members = _schema_members(value)
        case Config():
            assert isinstance(key, ConfigKey)
            members = {"subject": key.subject, **value.to_json()}
        case Mode():
            assert isinstance(key, ModeKey)
            members = {"subject": key.subject, "mode": value.value}
        case DeleteSubject(subject, version):
            members = {"subject": subject, "version": version}
        case ClearSubject(subject):
            members = {"subject": subject}
        case Context(context, tenant):
            members = {"tenant": tenant, "context": context}
    return _encode(members)


def _schema_members(record: SchemaRecord) -> dict[str, object]:
    digest = record.stored_digest
    return {
        "subject": record.subject,
        "version": record.version,
        "id": record.id,
        "md5": base64.b64encode(digest).decode() if digest is not None else None,
        "schemaType": record.schema_type,
        "references": [each.to_json() for each in record.references],
        "metadata": record.metadata.to_json() if record.metadata is not None else None,
        "ruleSet": record.rule_set.to_json() if record.rule_set is not None else None,
        "schema": record.text,
        "deleted": record.deleted,
    }


def _encode(members: Mapping[str, object]) -> bytes:
    kept = {name: each for name, each in members.items() if each is not None and each != []}
    return compact_json(kept).encode()


def decode_key(data: bytes | None) -> Key | None:
    value = _object(data)
    if value is None:
        return None
    subject = value.get("subject")
    if not isinstance(subject, str):
        subject = None
    version, context, tenant = value.get("version"), value.get("context"), value.get("tenant")
    match value.get("keytype"):
        case "SCHEMA" if subject is not None and isinstance(version, int):
            return SchemaKey(subject, version)
        case "CONFIG":
            return ConfigKey(subject)
        case "MODE":
            return ModeKey(subject)
        case "DELETE_SUBJECT" if subject is not None:
            return DeleteSubjectKey(subject)
        case "CLEAR_SUBJECT":
            return ClearSubjectKey(subject)
        case "CONTEXT" if isinstance(context, str):
            return ContextKey(context, tenant if isinstance(tenant, str) else DEFAULT_TENANT)
        case "NOOP":
            return NoopKey()
    return None


def decode_value(key: Key, data: bytes | None) -> Value | None:
    value = _object(data)
    if value is None:
        return None
    match key:
        case SchemaKey():
            return _decode_schema(key, value)
        case ConfigKey():
            return Config.from_stored(value)
        case ModeKey():
            mode = value.get("mode")
            return parse_mode(mode) if isinstance(mode, str) else None
        case DeleteSubjectKey(subject):
            version = value.get("version")
            return DeleteSubject(subject, version) if isinstance(version, int) else None
        case ClearSubjectKey(subject):
            return ClearSubject(subject)
        case ContextKey(context, tenant):
            return Context(context, tenant)
    return None


def _decode_schema(key: SchemaKey, value: Mapping[str, object]) -> SchemaRecord | None:
    schema_id, text, schema_type, md5 = (value.get(name) for name in ("id", "schema", "schemaType", "md5"))
    if not isinstance(schema_id, int) or not isinstance(text, str):
        return None
    references = value.get("references") or []
    try:
        return SchemaRecord(
            key.subject,
            key.version,
            schema_id,
            text,
            schema_type if isinstance(schema_type, str) else AVRO,
            tuple(Reference.from_json(each) for each in references) if isinstance(references, list) else (),
            Metadata.from_json(value.get("metadata")),
            RuleSet.from_json(value.get("ruleSet")),
            value.get("deleted") is True,
            base64.b64decode(md5) if isinstance(md5, str) else None,
        )
    except (ValueError, AttributeError):
        return None


def _object(data: bytes | None) -> dict[str, object] | None:
    if data is None:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
