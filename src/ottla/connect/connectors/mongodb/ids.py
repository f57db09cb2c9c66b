"""What a document's `_id` is (`document.id.strategy`, `sink/processor/id/strategy/`).

Where Java's strategies make up a new id (`BsonOidStrategy`, `UuidStrategy`), these make one of where the record stood
in Kafka: a record that is delivered again is the same document again.
"""

from __future__ import annotations

import copy
import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.mongodb.class_names import (
    BSON_OID,
    FULL_KEY,
    IN_KEY,
    IN_VALUE,
    KAFKA_META,
    PARTIAL,
    PARTIAL_KEY,
    UUID,
    UUID_IN_KEY,
    UUID_IN_VALUE,
)
from ottla.connect.connectors.mongodb.driver import UUID_SUBTYPE, Binary, ObjectId, UuidRepresentation
from ottla.connect.connectors.mongodb.projection import projector
from ottla.connect.connectors.record_place import place_of, where

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.connectors.mongodb.documents import Document, SinkDocument

_SEPARATOR: Final = "#"
_OID_TIME_BYTES: Final = 4
_OID_BYTES: Final = 12


def id_strategy(config: Mapping[str, Any], name: str) -> Callable[[SinkDocument], Any]:
    """`config` has the settings of `sink_config`, of one topic."""
    if name in PARTIAL:
        part = "key" if name == PARTIAL_KEY else "value"
        return _partial(config, part)
    if name == UUID:
        as_text = config["document.id.strategy.uuid.format"].lower() == "string"
        return lambda document: uuid_of(document.record, as_text=as_text)
    return {
        BSON_OID: lambda document: object_id_of(document.record),
        KAFKA_META: _kafka_meta,
        FULL_KEY: lambda document: document.key if document.has_key else {},
        IN_KEY: lambda document: _provided(document, document.key),
        IN_VALUE: lambda document: _provided(document, document.value),
        UUID_IN_KEY: lambda document: _as_uuid(document, _provided(document, document.key)),
        UUID_IN_VALUE: lambda document: _as_uuid(document, _provided(document, document.value)),
    }[name]


def object_id_of(record: SinkRecord) -> ObjectId:
    """Seconds of the record's timestamp, and a digest of where it stood."""
    seconds = max((record.timestamp or 0) // 1000, 0) & 0xFFFFFFFF
    return ObjectId(seconds.to_bytes(_OID_TIME_BYTES) + _digest(record)[: _OID_BYTES - _OID_TIME_BYTES])


def uuid_of(record: SinkRecord, *, as_text: bool) -> Any:
    made = uuid.UUID(bytes=_digest(record)[:16], version=4)
    return str(made) if as_text else Binary.from_uuid(made, UuidRepresentation.STANDARD)


def _digest(record: SinkRecord) -> bytes:
    return hashlib.sha256(_SEPARATOR.join(map(str, place_of(record))).encode()).digest()


def _kafka_meta(document: SinkDocument) -> str:
    record = document.record
    return _SEPARATOR.join((record.topic, str(record.kafka_partition), str(record.kafka_offset)))


def _partial(config: Mapping[str, Any], part: str) -> Callable[[SinkDocument], Any]:
    def setting(name: str) -> str:
        own: str = config[f"document.id.strategy.partial.{part}.projection.{name}"]
        return own or config[f"{part}.projection.{name}"]

    project = projector(setting("type"), setting("list"))

    def generate(document: SinkDocument) -> Document:
        whole = document.key if part == "key" else document.value
        made = copy.deepcopy(whole) if whole is not None else {}
        if project is not None:
            project(made)
        return made

    return generate


def _provided(document: SinkDocument, part: Document | None) -> Any:
    found = part.get("_id") if part is not None else None
    if found is None:
        raise DataError(f"{where(document.record)} has no _id, or null for it, where document.id.strategy looks for it")
    return found


def _as_uuid(document: SinkDocument, found: Any) -> Binary:
    if isinstance(found, Binary) and found.subtype in (3, UUID_SUBTYPE):
        return found
    if isinstance(found, str) and len(found) in (32, 36):
        try:
            return Binary.from_uuid(uuid.UUID(found), UuidRepresentation.STANDARD)
        except ValueError:
            pass
    raise DataError(f"The _id of {where(document.record)} is no UUID: {found!r}")
