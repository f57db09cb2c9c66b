"""Which collection a record goes to (`namespace.mapper`, `sink/namespace/mapping/`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.mongodb.class_names import FIELD_PATH_MAPPER, short_name
from ottla.connect.connectors.mongodb.documents import field_at
from ottla.connect.connectors.mongodb.sink_config import COLLECTION, DATABASE, MAPPER, MAPPER_ERROR, MAPPER_FIELDS
from ottla.connect.connectors.record_place import where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.connectors.mongodb.documents import SinkDocument

Namespace = tuple[str, str]
"""Database and collection."""


class NamespaceMapper:
    def __init__(self, config: Mapping[str, Any], topic: str) -> None:
        self._default: Namespace = (config[DATABASE], config[COLLECTION] or topic)
        self._by_field = short_name(config[MAPPER]) == FIELD_PATH_MAPPER
        self._fields: list[str] = [config[name] for name in MAPPER_FIELDS]
        self._is_strict: bool = config[MAPPER_ERROR]

    def namespace(self, document: SinkDocument) -> Namespace:
        if not self._by_field:
            return self._default
        database_in_key, database, collection_in_key, collection = self._fields
        return (
            self._name(document, database_in_key, database, self._default[0]),
            self._name(document, collection_in_key, collection, self._default[1]),
        )

    def _name(self, document: SinkDocument, in_key: str, in_value: str, default: str) -> str:
        path = in_key or in_value
        if not path:
            return default
        data = document.key if in_key else document.value
        is_there, found = field_at(data, path) if data is not None else (False, None)
        if is_there and isinstance(found, str):
            return found
        if self._is_strict:
            part = "key" if in_key else "value"
            raise DataError(f"The {part} of {where(document.record)} has no text at {path} to name its place by")
        return default
