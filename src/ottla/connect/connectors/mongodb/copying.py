"""Documents that are there already, as events of insertions (`startup.mode=copy_existing`, `MongoCopyDataManager`).

One collection after the other, each read by one aggregation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.connectors.mongodb.pipelines import pipeline
from ottla.connect.connectors.mongodb.source_config import (
    BATCH_SIZE,
    COLLECTION,
    COPY_DISK,
    COPY_PIPELINE,
    COPY_REGEX,
    DATABASE,
    OLD_COPY_PIPELINE,
    OLD_COPY_REGEX,
    PIPELINE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ottla.connect.connectors.mongodb.documents import Document

_OWN_DATABASES: Final = ("admin", "config", "local")
_OWN_COLLECTIONS: Final = "system."
_NAMESPACE: Final = "ns"
_CARRIED: Final = "__"
"""What `ns` is called on its way here: a server takes the other name in a pipeline for its own."""


def existing_events(client: Any, config: Mapping[str, Any]) -> Iterator[Document]:
    for database, collection in _namespaces(client, config):
        stages = _stages(config, database, collection)
        options = {"allowDiskUse": config[COPY_DISK]} | (
            {"batchSize": config[BATCH_SIZE]} if config[BATCH_SIZE] else {}
        )
        for event in client[database][collection].aggregate(stages, **options):
            yield {_NAMESPACE if name == _CARRIED else name: value for name, value in event.items()}


def _namespaces(client: Any, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    database, collection = config[DATABASE], config[COLLECTION]
    if collection:
        found = [(database, collection)]
    else:
        names = [database] if database else client.list_database_names()
        found = [
            (each, name)
            for each in names
            if database or not each.startswith(_OWN_DATABASES)
            for name in sorted(client[each].list_collection_names())
            if not name.startswith(_OWN_COLLECTIONS)
        ]
    pattern = re.compile(config[COPY_REGEX] or config[OLD_COPY_REGEX])
    return [each for each in found if pattern.search(".".join(each))]


def _stages(config: Mapping[str, Any], database: str, collection: str) -> list[Document]:
    event = {
        "_id": {"_id": "$_id", "copyingData": True},
        "operationType": "insert",
        _NAMESPACE: {"db": database, "coll": collection},
        "documentKey": {"_id": "$_id"},
        "fullDocument": "$$ROOT",
    }
    return [
        *pipeline(config[COPY_PIPELINE] or config[OLD_COPY_PIPELINE]),
        {"$replaceRoot": {"newRoot": event}},
        *pipeline(config[PIPELINE]),
        {"$addFields": {_CARRIED: f"${_NAMESPACE}"}},
        {"$project": {_NAMESPACE: 0}},
    ]
