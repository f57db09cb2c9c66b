"""The Iceberg sink's task as a lake has it: a table a topic, and where reading begins is what the tables say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError, RetriableError
from ottla.connect.connectors.arrow import pyarrow
from ottla.connect.connectors.iceberg.sink import IcebergSinkTask
from ottla.connect.lake.place import MODE, TOPIC, TOPIC_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.connector import TopicPartition
    from ottla.connect.connectors.iceberg.table import Creation
    from ottla.connect.lake.place import Place

_log = logging.getLogger("ottla.connect.lake")
TABLE_PROPERTIES: Final = {
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.target-file-size-bytes": str(128 * 1024 * 1024),
}
"""Of tables that a lake makes: each commit leaves a file of metadata, of which the last few are kept."""


COLUMN_TYPES: Final = {
    "boolean": ("bool_",),
    "int": ("int32",),
    "long": ("int64",),
    "float": ("float32",),
    "double": ("float64",),
    "string": ("string",),
    "date": ("date32",),
    "timestamptz": ("timestamp", "us", "UTC"),
}
"""Iceberg's names of what a column may be made beforehand, and how Arrow makes it."""


class LakeTask(IcebergSinkTask):
    def __init__(
        self, place: Place, mode: str, topic_ids: Mapping[str, str], columns: Mapping[str, str] | None = None
    ) -> None:
        self._place = place
        self._mode = mode
        self._topic_ids = topic_ids
        self._columns = columns if columns is not None else {}
        self._topics = {place.table_name(topic): topic for topic in topic_ids}

    def table_name(self, topic: str) -> str:
        return self._place.table_name(topic)

    def creation(self, name: str) -> Creation:
        topic = self._topics[name]
        own = {TOPIC: topic, TOPIC_ID: self._topic_ids[topic], MODE: self._mode}
        made = super().creation(name)
        arrow = pyarrow()
        columns = {}
        for column, kind in self._columns.items():
            maker, *how = COLUMN_TYPES[kind]
            columns[column] = getattr(arrow, maker)(*how)
        return made._replace(properties=TABLE_PROPERTIES | dict(made.properties) | own, columns=columns)

    def next_offset(self, partition: TopicPartition) -> int:
        """Of a partition, as its table says. `ConnectError`."""
        name = self.table_name(partition.topic)
        try:
            return self.table(name).next_offset(partition)
        except ConnectError:
            raise
        except Exception as error:
            raise ConnectError(f"the table {name} cannot be read: {error or type(error).__name__}") from error

    def finish(self) -> None:
        """Commit what waits, which would be read again otherwise."""
        try:
            self.commit()
        except (ConnectError, RetriableError) as error:
            _log.warning("what was read last is read again: %s", error)
