"""`com.mongodb.kafka.connect.MongoSinkConnector`: records as documents of MongoDB.

The settings are those of MongoDB's own connector (`sink_config`). A record is the document of its `_id`, so what is
delivered again changes nothing; ids that the connector makes up are made of where the record stood in Kafka.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConfigError
from ottla.connect.api.task import SinkTask
from ottla.connect.connectors.library import load
from ottla.connect.connectors.mongodb import sink_config
from ottla.connect.connectors.mongodb.server import EXTRA
from ottla.connect.connectors.mongodb.sink_config import CONFIG, OVERRIDE, OVERRIDES, topic_settings
from ottla.connect.connectors.simple import SimpleSink

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.connect.api.config_def import ConfigValue
    from ottla.connect.api.record import SinkRecord
    from ottla.connect.connectors.mongodb.sink_writer import SinkWriter


class MongoSinkTask(SinkTask):
    _writer: SinkWriter | None = None

    def start(self, props: Mapping[str, str]) -> None:
        writing = load("ottla.connect.connectors.mongodb.sink_writer", EXTRA)
        self._writer = writing.SinkWriter(props, self.context)

    def put(self, records: Sequence[SinkRecord]) -> None:
        assert self._writer is not None
        self._writer.put(records)

    def stop(self) -> None:
        if self._writer is not None:
            self._writer.close()


class MongoSinkConnector(SimpleSink):
    definition = CONFIG
    task = MongoSinkTask

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return sink_config.problems(config)

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """Each setting, and those of single topics."""
        values = super().validate(props)
        if any(value.error_messages for value in values):
            return values
        given = {name: text for name, text in props.items() if text is not None}
        for topic in [each.strip() for each in given.get("topics", "").split(",")]:
            if topic and any(name.startswith(f"{OVERRIDE}{topic}.") for name in given):
                try:
                    topic_settings(given, topic)
                except ConfigError as error:
                    overrides = next(value for value in values if value.name == OVERRIDES)
                    overrides.add_error_message(f"{topic}: {error}")
        return values
