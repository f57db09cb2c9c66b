"""`RegexRouter` and `TimestampRouter`: records go to another topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import HIGH, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.api.transformation import Transformation
from ottla.connect.data.simple_date_format import SimpleDateFormat
from ottla.connect.transforms.java_pattern import JavaPattern, RegexValidator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord

RecordT = TypeVar("RecordT", bound="ConnectRecord")

REGEX: Final = "regex"
REPLACEMENT: Final = "replacement"
TOPIC_FORMAT: Final = "topic.format"
TIMESTAMP_FORMAT: Final = "timestamp.format"


class RegexRouter(Transformation):
    """A topic that matches as a whole becomes the replacement, in which $1 and ${name} stand for groups."""

    def config(self) -> ConfigDef:
        definition = ConfigDef()
        definition.define(
            REGEX, STRING, NO_DEFAULT_VALUE, HIGH, "What the whole topic must match.", validator=RegexValidator()
        )
        return definition.define(REPLACEMENT, STRING, NO_DEFAULT_VALUE, HIGH, "The new topic; $1 is the first group.")

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._pattern = JavaPattern(settings[REGEX])
        self._replacement: str = settings[REPLACEMENT]

    def apply(self, record: RecordT) -> RecordT | None:
        if not self._pattern.matches(record.topic):
            return record
        return record.with_topic(self._pattern.replace_first(record.topic, self._replacement))


class TimestampRouter(Transformation):
    def config(self) -> ConfigDef:
        definition = ConfigDef()
        definition.define(
            TOPIC_FORMAT, STRING, "${topic}-${timestamp}", HIGH, "The new topic, with ${topic} and ${timestamp} in it."
        )
        return definition.define(
            TIMESTAMP_FORMAT,
            STRING,
            "yyyyMMdd",
            HIGH,
            "How the timestamp is said, as Java's SimpleDateFormat knows it.",
        )

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._topic_format: str = settings[TOPIC_FORMAT]
        try:
            self._format = SimpleDateFormat(settings[TIMESTAMP_FORMAT])
        except ValueError as error:
            raise ConfigError.of(TIMESTAMP_FORMAT, settings[TIMESTAMP_FORMAT], str(error)) from error

    def apply(self, record: RecordT) -> RecordT | None:
        if record.timestamp is None:
            raise DataError(f"Timestamp missing on record of topic {record.topic}")
        topic = self._topic_format.replace("${topic}", record.topic)
        return record.with_topic(topic.replace("${timestamp}", self._format.format(record.timestamp)))
