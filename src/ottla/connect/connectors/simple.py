"""Connectors whose tasks all do the same, with the whole configuration: what most of ours are.

A subclass names its `definition` and its `task`; `problems` says what is wrong with keys that depend on each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ottla.connect.api.connector import SinkConnector, SourceConnector, TopicPartition
from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ottla.connect.api.config_def import ConfigDef, ConfigValue
    from ottla.connect.api.task import SinkTask, SourceTask


class SimpleSink(SinkConnector):
    """As many tasks as may be: they share the partitions."""

    definition: ClassVar[ConfigDef]
    task: ClassVar[type[SinkTask]]

    def start(self, props: Mapping[str, str]) -> None:
        parse(self.definition, props, self.problems)
        self._props = dict(props)

    def task_class(self) -> type[SinkTask]:
        return self.task

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props) for _ in range(max_tasks)]

    def config(self) -> ConfigDef:
        return self.definition

    @classmethod
    def problems(cls, _config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """(key, what is wrong with it), of values that are right one by one."""
        return ()

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        return validate(self.definition, props, self.problems)

    def alter_offsets(self, _props: Mapping[str, str], _offsets: Mapping[TopicPartition, int | None]) -> bool:
        return True


class SimpleSource(SourceConnector):
    """One task."""

    definition: ClassVar[ConfigDef]
    task: ClassVar[type[SourceTask]]

    def start(self, props: Mapping[str, str]) -> None:
        parse(self.definition, props, self.problems)
        self._props = dict(props)

    def task_class(self) -> type[SourceTask]:
        return self.task

    def task_configs(self, _max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)]

    def config(self) -> ConfigDef:
        return self.definition

    @classmethod
    def problems(cls, _config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """(key, what is wrong with it), of values that are right one by one."""
        return ()

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        return validate(self.definition, props, self.problems)


def parse(
    definition: ConfigDef,
    props: Mapping[str, str],
    problems: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]],
) -> dict[str, Any]:
    """Typed values; `ConfigError` for the first that is wrong."""
    config = definition.parse(props)
    for key, why in problems(config):
        raise ConfigError.of(key, config.get(key), why)
    return config


def validate(
    definition: ConfigDef,
    props: Mapping[str, str | None],
    problems: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]],
) -> list[ConfigValue]:
    """What is wrong with each key: by itself, and, where none is, with all together."""
    values = definition.validate(props)
    if not any(value.error_messages for value in values.values()):
        for key, why in problems({name: value.value for name, value in values.items()}):
            values[key].add_error_message(str(ConfigError.of(key, values[key].value, why)))
    return list(values.values())
