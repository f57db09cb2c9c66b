"""What a topic's logs are told to do: its own configs, over the broker's, over Kafka's defaults.

    topic (dynamic)  ►  this broker (dynamic)  ►  all brokers (dynamic)  ►  server.properties  ►  Kafka's default
                        └───────────── under the broker's names, the first synonym that is set ┘

Topics that set nothing share one `LogConfig`. Kafka's `LogConfig.fromProps`, `KafkaConfig.extractLogConfigMap`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from ottla.log.config import LogConfig
from ottla.metadata.image import MetadataImage
from ottla.runtime.config.broker import BROKER_CONFIGS
from ottla.runtime.config.definition import ConfigError, Definitions, Value
from ottla.runtime.config.synonyms import BROKER_SYNONYMS
from ottla.runtime.config.topic import TOPIC_CONFIGS

TOPIC_RESOURCE: Final = 2
BROKER_RESOURCE: Final = 4
ALL_BROKERS: Final = ""
PRODUCER_ID_EXPIRATION: Final = "producer.id.expiration.ms"


class LogConfigs:
    """Call it with an image and a topic's name. `static`: what server.properties and `--set` say, as text."""

    def __init__(self, node_id: int, static: Mapping[str, str], report: Callable[[str], None]) -> None:
        self._node_name = str(node_id)
        self._static = static
        self._report = report
        self._dynamic: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
        self._values = self._broker_values(self._dynamic)
        self._default = LogConfig.from_topic_configs(self._values)

    def __call__(self, image: MetadataImage, topic: str) -> LogConfig:
        configs = image.configs
        dynamic = (configs.of(BROKER_RESOURCE, self._node_name), configs.of(BROKER_RESOURCE, ALL_BROKERS))
        if dynamic != self._dynamic:
            self._dynamic = dynamic
            self._values = self._broker_values(dynamic)
            self._default = LogConfig.from_topic_configs(self._values)
        own = configs.of(TOPIC_RESOURCE, topic)
        if not own:
            return self._default
        values = dict(self._values)
        for name, text in own.items():
            value = self._parse(TOPIC_CONFIGS, name, text)
            if value is not None:
                values[name] = value
        return LogConfig.from_topic_configs(values)

    def _broker_values(self, dynamic: tuple[Mapping[str, str], Mapping[str, str]]) -> dict[str, Value]:
        """The topic configs that the broker's own configs amount to."""
        levels = (*dynamic, self._static)
        values: dict[str, Value] = {}
        for name, synonyms in BROKER_SYNONYMS.items():
            for synonym in synonyms:
                value = self._first(levels, synonym.name)
                if value is not None:
                    values[name] = _in_topic_units(value, synonym.factor)
                    break
        expiration_ms = self._first(levels, PRODUCER_ID_EXPIRATION)
        if expiration_ms is not None:
            values[PRODUCER_ID_EXPIRATION] = expiration_ms
        return values

    def _first(self, levels: tuple[Mapping[str, str], ...], name: str) -> Value:
        for level in levels:
            text = level.get(name)
            if text is not None:
                value = self._parse(BROKER_CONFIGS, name, text)
                if value is not None:
                    return value
        return None

    def _parse(self, known: Definitions, name: str, text: str) -> Value:
        """`None` for what is not known here or not valid, which the controller lets nobody record."""
        definition = known.get(name)
        try:
            return None if definition is None else definition.parse(text)
        except ConfigError as error:
            self._report(str(error))
            return None


def _in_topic_units(value: Value, factor: int) -> Value:
    """Hours and minutes as milliseconds; any negative time means without end, which is -1."""
    if factor == 1 or not isinstance(value, int):
        return value
    return -1 if value < 0 else value * factor
