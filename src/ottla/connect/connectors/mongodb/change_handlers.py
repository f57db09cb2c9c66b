"""Records of changes as writes, so that one database follows another (`change.data.capture.handler`, `sink/cdc/`).

| handler | records |
|---|---|
| `PostgresHandler`, `MysqlHandler`, `RdbmsHandler` | Debezium's (and this worker's own) of tables |
| `MongoDbHandler` | Debezium's of MongoDB before 2.0 (`patch`) |
| `ChangeStreamHandler` of `debezium.mongodb` | Debezium's of MongoDB |
| `ChangeStreamHandler` of `cdc.mongodb` | MongoDB's own events, as the source writes them |

A row is the document whose `_id` holds the fields of its key. A row without a key gets an `_id` made of where its
record stood, and is found by all that it was before. Records that say nothing of a document (tombstones,
DDL) are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.mongodb.class_names import (
    CHANGE_STREAM,
    DEBEZIUM_CHANGE_STREAM,
    MONGODB,
    MYSQL,
    POSTGRES,
    RDBMS,
    short_name,
)
from ottla.connect.connectors.mongodb.documents import without_nulls
from ottla.connect.connectors.mongodb.ids import object_id_of
from ottla.connect.connectors.mongodb.json_text import parse_json
from ottla.connect.connectors.mongodb.writes import Delete, Replace, Update, Write
from ottla.connect.connectors.record_place import where

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.connectors.mongodb.documents import Document, SinkDocument

_DESCRIPTION: Final = frozenset(("updatedFields", "removedFields", "truncatedArrays", "disambiguatedPaths"))


def change_handler(name: str) -> Callable[[SinkDocument], Write | None]:
    """By Java's name, or the end of it."""
    return _HANDLERS[DEBEZIUM_CHANGE_STREAM if name.strip().endswith(DEBEZIUM_CHANGE_STREAM) else short_name(name)]


def without_null_fields(write: Write) -> Write | None:
    """`change.data.capture.handler.remove.null.values`; `None` where nothing is left to write."""
    if isinstance(write, Replace):
        without_nulls(write.document)
        return write if write.document else None
    if isinstance(write, Update):
        changed = write.update.get("$set")
        if isinstance(changed, dict):
            without_nulls(changed)
            if not changed:
                del write.update["$set"]
        return write if write.update else None
    return write


def _row(document: SinkDocument) -> Write | None:
    value = document.value or {}
    if not value:
        return None
    key = document.key or {}
    kind = _operation(document, value)
    if kind is None:
        return None
    filter_ = _row_filter(document, key, value, kind)
    if kind == "d":
        return Delete(filter_)
    after = value.get("after")
    if not isinstance(after, dict) or not after:
        raise DataError(f"The change of {where(document.record)} has no fields in `after`")
    row = {"_id": filter_["_id"]} if "_id" in filter_ else {}
    return Replace(filter_, row | {name: each for name, each in after.items() if name not in key})


def _row_filter(document: SinkDocument, key: Document, value: Document, kind: str) -> Document:
    if key:
        return {"_id": dict(key)}
    if kind in ("c", "r"):
        return {"_id": object_id_of(document.record)}
    before = value.get("before")
    if not isinstance(before, dict) or not before:
        raise DataError(
            f"The change of {where(document.record)} has neither a key nor `before` to find its document by"
        )
    return before


def _operation(document: SinkDocument, value: Document) -> str | None:
    """`None` for a statement that changed a schema."""
    kind = value.get("op")
    if "op" not in value and "ddl" in value:
        return None
    if not isinstance(kind, str):
        raise DataError(f"The value of {where(document.record)} has no `op`: it is no change of Debezium's")
    if kind not in ("c", "r", "u", "d"):
        raise DataError(f"The `op` of {where(document.record)} is {kind}, none of c, r, u, d")
    return kind


def _debezium_document(document: SinkDocument, changed: Callable[[SinkDocument, Document], Write]) -> Write | None:
    key, value = document.key or {}, document.value or {}
    if not key:
        raise DataError(f"{where(document.record)} has no key to find its document by")
    if "id" in key and not value:
        return None
    kind = _operation(document, value)
    if kind is None:
        return None
    if kind == "d":
        return Delete(_key_filter(document))
    if kind == "u":
        return changed(document, value)
    after = _json_field(document, value, "after")
    return Replace({"_id": after.get("_id")}, after)


def _key_filter(document: SinkDocument) -> Document:
    """Debezium's key: the `_id` as a text in JSON."""
    found = (document.key or {}).get("id")
    if not isinstance(found, str):
        raise DataError(f"The key of {where(document.record)} has no field `id` with the _id in JSON")
    return parse_json(f'{{"_id": {found}}}')


def _json_field(document: SinkDocument, value: Document, name: str) -> Document:
    found = value.get(name)
    if not isinstance(found, str):
        raise DataError(f"The change of {where(document.record)} has no document in `{name}`")
    return parse_json(found)


def _patched(document: SinkDocument, value: Document) -> Write:
    patch = _json_field(document, value, "patch")
    patch.pop("$v", None)
    if "_id" in patch:
        return Replace({"_id": patch["_id"]}, patch)
    return Update(_key_filter(document), patch, upsert=False)


def _replaced(document: SinkDocument, value: Document) -> Write:
    after = _json_field(document, value, "after")
    return Replace(_key_filter(document), after)


def _event(document: SinkDocument) -> Write | None:
    event = document.value or {}
    kind = event.get("operationType")
    if not isinstance(kind, str):
        raise DataError(f"The value of {where(document.record)} has no `operationType`: it is no change event")
    kind = kind.lower()
    if kind not in ("insert", "replace", "update", "delete"):
        return None
    key = _document_field(document, event, "documentKey")
    if kind == "delete":
        return Delete(key)
    if kind == "update":
        if "fullDocument" in event:
            return Replace(key, _document_field(document, event, "fullDocument"), upsert=False)
        return Update(key, _update_of(document, event), upsert=False)
    return Replace(key, _document_field(document, event, "fullDocument"))


def _document_field(document: SinkDocument, event: Document, name: str) -> Document:
    found = event.get(name)
    if not isinstance(found, dict):
        raise DataError(f"The event of {where(document.record)} has no document in `{name}`")
    return found


def _update_of(document: SinkDocument, event: Document) -> Document:
    described = _document_field(document, event, "updateDescription")
    unknown = sorted(set(described) - _DESCRIPTION)
    if unknown:
        raise DataError(f"The updateDescription of {where(document.record)} says what is not known: {unknown}")
    changed: Any = described.get("updatedFields")
    removed: Any = described.get("removedFields")
    if not isinstance(changed, dict) or not isinstance(removed, list) or not all(isinstance(e, str) for e in removed):
        raise DataError(f"The updateDescription of {where(document.record)} lacks updatedFields or removedFields")
    update: Document = {"$set": changed} if changed or not removed else {}
    if removed:
        update["$unset"] = dict.fromkeys(removed, "")
    return update


_HANDLERS: Final[dict[str, Callable[[SinkDocument], Write | None]]] = {
    RDBMS: _row,
    POSTGRES: _row,
    MYSQL: _row,
    MONGODB: lambda document: _debezium_document(document, _patched),
    DEBEZIUM_CHANGE_STREAM: lambda document: _debezium_document(document, _replaced),
    CHANGE_STREAM: _event,
}
