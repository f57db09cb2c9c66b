"""The Iceberg sink's task as a lake has it: a table a topic, and where reading begins is what the tables say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError, RetriableError
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


class LakeTask(IcebergSinkTask):
    def __init__(self, place: Place, mode: str, topic_ids: Mapping[str, str]) -> None:
        self._place = place
        self._mode = mode
        self._topic_ids = topic_ids
        self._topics = {place.table_name(topic): topic for topic in topic_ids}

    def table_name(self, topic: str) -> str:
        return self._place.table_name(topic)

    def creation(self, name: str) -> Creation:
        topic = self._topics[name]
        own = {TOPIC: topic, TOPIC_ID: self._topic_ids[topic], MODE: self._mode}
        made = super().creation(name)
        return made._replace(properties=TABLE_PROPERTIES | dict(made.properties) | own)

    def next_offset(self, partition: TopicPartition) -> int:
        return self.table(self.table_name(partition.topic)).next_offset(partition)

    def finish(self) -> None:
        """Commit what waits, which would be read again otherwise."""
        try:
            self.commit()
        except (ConnectError, RetriableError) as error:
            _log.warning("what was read last is read again: %s", error)
