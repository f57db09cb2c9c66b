"""`com.mongodb.kafka.connect.MongoSourceConnector`: change streams of a collection, a database or all of them.

The settings, topics, records and offsets are those of MongoDB's own connector (`source_config`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.api.connector import ExactlyOnceSupport
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.task import SourceTask
from ottla.connect.connectors.library import load
from ottla.connect.connectors.mongodb import source_config
from ottla.connect.connectors.mongodb.server import EXTRA
from ottla.connect.connectors.mongodb.source_config import CONFIG, COPY_EXISTING, startup_mode
from ottla.connect.connectors.simple import SimpleSource, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.mongodb.source_reader import SourceReader


class MongoSourceTask(SourceTask):
    _reader: SourceReader | None = None

    def start(self, props: Mapping[str, str]) -> None:
        config = parse(CONFIG, props, source_config.problems)
        reading = load("ottla.connect.connectors.mongodb.source_reader", EXTRA)
        self._reader = reading.SourceReader(config, props, self.context)

    def poll(self) -> list[SourceRecord] | None:
        assert self._reader is not None
        return self._reader.poll()

    def stop(self) -> None:
        if self._reader is not None:
            self._reader.close()


class MongoSourceConnector(SimpleSource):
    definition = CONFIG
    task = MongoSourceTask

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return source_config.problems(config)

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport:
        """A copy that was interrupted begins anew, so its documents may come twice."""
        try:
            copies = startup_mode(parse(CONFIG, props, self.problems)) == COPY_EXISTING
        except ConfigError:
            return ExactlyOnceSupport.UNSUPPORTED
        return ExactlyOnceSupport.UNSUPPORTED if copies else ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or set(partition) != {"ns"}:
                raise ConnectError('the partition of a change stream is {"ns": "mongodb://<hosts>/<namespace>"}')
            if offset is not None and not isinstance(offset.get("_id"), str):
                raise ConnectError('the offset of a change stream is {"_id": "<resume token in JSON>"}')
        return True
