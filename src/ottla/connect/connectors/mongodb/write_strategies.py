"""How a document is written (`writemodel.strategy`, `delete.writemodel.strategy`, `sink/writemodel/strategy/`).

| strategy | write |
|---|---|
| `ReplaceOneDefaultStrategy` | the document of this `_id` is this one, or a new one |
| `InsertOneDefaultStrategy` | a new document |
| `UpdateOneDefaultStrategy`, `UpdateOneTimestampsStrategy` | fields of the document of this `_id` are set |
| `…BusinessKey…Strategy` | the same, of the document that has the fields of `_id`, which keeps its own `_id` |
| `DeleteOne…Strategy` | the document of this `_id`, or with these fields, is deleted |
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.mongodb.class_names import (
    DELETE_BY_BUSINESS_KEY,
    DELETE_BY_PARTIAL_KEY,
    DELETE_DEFAULT,
    INSERT,
    OF_PLACE,
    PARTIAL,
    REPLACE,
    REPLACE_BY_BUSINESS_KEY,
    UPDATE,
    UPDATE_BY_BUSINESS_KEY,
    UPDATE_TIMES,
    WRITE_DEFAULT,
)
from ottla.connect.connectors.mongodb.driver import DatetimeMS
from ottla.connect.connectors.mongodb.writes import Delete, Insert, Replace, Update, Write
from ottla.connect.connectors.record_place import where

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.connectors.mongodb.documents import Document, SinkDocument

_MODIFIED, _INSERTED = "_modifiedTS", "_insertedTS"


class WriteStrategies:
    """`strategy` and `delete` are short names, `id_name` that of the id strategy, `generate_id` what it does."""

    def __init__(
        self, strategy: str, delete: str | None, id_name: str, generate_id: Callable[[SinkDocument], Any]
    ) -> None:
        self._id_name = id_name
        self._generate_id = generate_id
        self._write: Callable[[SinkDocument], Write] = getattr(self, _METHODS[strategy])
        self._delete: Callable[[SinkDocument], Write] | None = getattr(self, _DELETES[delete]) if delete else None

    def write(self, document: SinkDocument) -> Write:
        """Of a document that has been processed; `DataError` for one that cannot be written so."""
        if document.has_value:
            return self._write(document)
        if not document.has_key:
            raise DataError(f"{where(document.record)} has neither a key nor a value")
        if self._delete is None:
            raise DataError(
                f"{where(document.record)} has no value; delete.on.null.values=true would delete by its key"
            )
        return self._delete(document)

    def _replace_one(self, document: SinkDocument) -> Replace:
        value = document.needed_value()
        return Replace({"_id": self._id(document, value)}, value)

    def _insert_one(self, document: SinkDocument) -> Insert:
        value = document.needed_value()
        is_of_place = self._id_name in OF_PLACE and value.get("_id") == self._generate_id(document)
        return Insert(value, is_of_place=is_of_place)

    def _update_one(self, document: SinkDocument) -> Update:
        value = document.needed_value()
        found = self._id(document, value)
        del value["_id"]
        return Update({"_id": found}, {"$set": value})

    def _update_one_timestamps(self, document: SinkDocument) -> Update:
        value = document.needed_value()
        return Update({"_id": self._id(document, value)}, _with_times(value))

    def _replace_by_business_key(self, document: SinkDocument) -> Replace:
        key, value = self._business_key(document)
        return Replace(key, value)

    def _update_by_business_key(self, document: SinkDocument) -> Update:
        key, value = self._business_key(document)
        return Update(key, _with_times(value))

    def _delete_by_business_key(self, document: SinkDocument) -> Delete:
        return Delete(self._business_key(document)[0])

    def _delete_one(self, document: SinkDocument) -> Delete:
        """As `writemodel.strategy`: by the key, or its `_id`."""
        key = document.needed_key()
        return Delete(key if "_id" in key else {"_id": key})

    def _delete_by_id(self, document: SinkDocument) -> Delete:
        document.needed_key()
        return Delete({"_id": self._generate_id(document)})

    def _delete_by_partial_key(self, document: SinkDocument) -> Delete:
        document.needed_key()
        return Delete(_flat(self._generate_id(document)))

    @staticmethod
    def _id(document: SinkDocument, value: Document) -> Any:
        if value.get("_id") is None and "_id" not in value:
            raise DataError(f"The document of {where(document.record)} has no _id to find it by")
        return value["_id"]

    def _business_key(self, document: SinkDocument) -> tuple[Document, Document]:
        value = document.needed_value()
        key = value.get("_id")
        if not isinstance(key, dict):
            raise DataError(
                f"The _id of {where(document.record)} is no document with the fields of a business key; "
                "see document.id.strategy, and document.id.strategy.overwrite.existing where it has an _id of its own"
            )
        del value["_id"]
        return (_flat(key) if self._id_name in PARTIAL else key), value


def _with_times(value: Document) -> Document:
    now = DatetimeMS(time.time_ns() // 1_000_000)
    value[_MODIFIED] = now
    return {"$set": value, "$setOnInsert": {_INSERTED: now}}


def _flat(document: Document, prefix: str = "") -> Document:
    """`{"a": {"b": 1}}` is `{"a.b": 1}`."""
    flat: Document = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


_METHODS: Final = {
    WRITE_DEFAULT: "_replace_one",
    REPLACE: "_replace_one",
    REPLACE_BY_BUSINESS_KEY: "_replace_by_business_key",
    INSERT: "_insert_one",
    UPDATE: "_update_one",
    UPDATE_TIMES: "_update_one_timestamps",
    UPDATE_BY_BUSINESS_KEY: "_update_by_business_key",
    DELETE_DEFAULT: "_delete_one",
    DELETE_BY_BUSINESS_KEY: "_delete_by_business_key",
}
_DELETES: Final = {DELETE_DEFAULT: "_delete_by_id", DELETE_BY_PARTIAL_KEY: "_delete_by_partial_key"}
