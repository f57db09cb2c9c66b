"""Signals by a topic of Kafka (`signal.enabled.channels=kafka`), beside or instead of rows in a table.

Partition 0 of the topic is read; the key of a record is `topic.prefix`, so that connectors may share a topic, its value
`{"id": …, "type": …, "data": {…}}`. What was obeyed is committed under the group: it is not obeyed again.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.clients.librdkafka_properties import translate
from ottla.connect.api.config_def import HIGH, LIST, LOW, MEDIUM, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import ValidList
from ottla.connect.connectors.cdc import signal as signals
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.connect.connectors.cdc.incremental_snapshot import IncrementalSnapshot

_log = logging.getLogger("ottla.connect.cdc.signal")
CHANNELS: Final = "signal.enabled.channels"
SOURCE: Final = "source"
KAFKA: Final = "kafka"
_TOPIC: Final = "signal.kafka.topic"
_SERVERS: Final = "signal.kafka.bootstrap.servers"
_CONSUMER: Final = "signal.consumer."
SIGNALS_AT_ONCE: Final = 100
QUEUED_KIB_MAX: Final = 1024
REFRESH_MS: Final = 5000
"""So soon a topic that was not there is found."""


def define_signals(definition: ConfigDef) -> ConfigDef:
    return (
        definition.define("signal.data.collection", STRING, None, MEDIUM, "The table of signals (schema.table with the "
                "columns id, type, data), with which snapshots are asked for, and in which their chunks are marked.")
        .define(CHANNELS, LIST, SOURCE, MEDIUM, "Where signals come from: source (that table), kafka (a topic).",
                validator=ValidList(SOURCE, KAFKA))
        .define(_TOPIC, STRING, None, HIGH, "The topic of signals; by default topic.prefix with -signal behind.")
        .define(_SERVERS, STRING, None, HIGH, "Where that topic is. signal.consumer.… sets what else the consumer "
                "needs, with the names of Kafka's consumers.")
        .define("signal.kafka.groupId", STRING, "kafka-signal", LOW, "The group under which is committed what was "
                "obeyed; one for each connector.")
    )  # fmt: skip


class SignalTopicConfig(NamedTuple):
    topic: str
    key: str
    """Of the records that are meant for this connector."""
    consumer: Mapping[str, Any]
    """Properties of librdkafka."""

    @classmethod
    def of(cls, props: Mapping[str, Any], parsed: Mapping[str, Any], prefix: str) -> SignalTopicConfig | None:
        """`None`: no topic is to be read. Raises `ConfigError`."""
        if KAFKA not in parsed[CHANNELS]:
            return None
        servers = parsed[_SERVERS]
        if not servers:
            raise ConfigError.of(_SERVERS, servers, f"is needed where {CHANNELS} has {KAFKA}")
        given = {key.removeprefix(_CONSUMER): value for key, value in props.items() if key.startswith(_CONSUMER)}
        consumer = {
            "bootstrap.servers": servers,
            "group.id": parsed["signal.kafka.groupId"],
            "client.id": f"{prefix}-signals",
            "auto.offset.reset": "earliest",
            "queued.max.messages.kbytes": QUEUED_KIB_MAX,
            "topic.metadata.refresh.interval.ms": REFRESH_MS,
        }
        insisted = {"enable.auto.commit": False, "enable.auto.offset.store": False}
        return cls(parsed[_TOPIC] or f"{prefix}-signal", prefix, consumer | translate(given) | insisted)


class SignalTopic:
    """A consumer; from the thread of the task."""

    def __init__(self, config: SignalTopicConfig, *, has_table: bool) -> None:
        """Raises `ConnectError`. `has_table`: there is a table in which chunks can be marked."""
        kafka = load("confluent_kafka", "[connect]")
        self._config = config
        self._has_table = has_table
        self._error: type[Exception] = kafka.KafkaException
        try:
            self._consumer = kafka.Consumer(dict(config.consumer), logger=_log)
            self._consumer.assign([kafka.TopicPartition(config.topic, 0, kafka.OFFSET_STORED)])
        except kafka.KafkaException as error:
            raise ConnectError(f"the topic of signals {config.topic} cannot be read: {error.args[0].str()}") from error

    def close(self) -> None:
        self._consumer.close()

    def obey(self, snapshot: IncrementalSnapshot, tables: Callable[[], Sequence[str]]) -> bool:
        """What has come meanwhile; never waits. Whether `snapshot` has something else to do now."""
        changed = False
        for message in self._consumer.consume(SIGNALS_AT_ONCE, 0):
            if message.error() is not None:
                _log.warning("the topic of signals %s: %s", self._config.topic, message.error().str())
                continue
            if message.key() == self._config.key.encode():
                changed |= self._one(message.value(), snapshot, tables)
            try:
                self._consumer.commit(message=message, asynchronous=True)
            except self._error as error:
                _log.warning("signals of %s may come again: %s", self._config.topic, error)
        return changed

    def _one(self, value: bytes | None, snapshot: IncrementalSnapshot, tables: Callable[[], Sequence[str]]) -> bool:
        try:
            signal = parsed_record(value)
            if isinstance(signal, signals.OpenWindow | signals.CloseWindow):
                raise signals.SignalError("marks of chunks come by the table of signals only")
            if isinstance(signal, signals.ExecuteSnapshot) and not (signal.is_blocking or self._has_table):
                raise signals.SignalError(
                    "an incremental snapshot needs signal.data.collection, where its chunks are marked"
                )
        except signals.SignalError as error:
            _log.error("a signal of the topic %s is left out: %s", self._config.topic, error)
            return False
        if isinstance(signal, signals.LogMessage):
            _log.info("a signal says: %s", signal.message)
            return False
        snapshot.obey(signal, tables)
        return True


def parsed_record(value: bytes | None) -> signals.Signal:
    """Raises `SignalError`."""
    try:
        said = json.loads(value or b"")
    except ValueError as error:
        raise signals.SignalError(f"it is no JSON: {error}") from error
    if not isinstance(said, dict) or not isinstance(said.get("type"), str):
        raise signals.SignalError("it is no JSON object with a type")
    data = said.get("data")
    text = data if isinstance(data, str) or data is None else json.dumps(data)
    return signals.parse_signal(str(said.get("id") or ""), said["type"], text)
