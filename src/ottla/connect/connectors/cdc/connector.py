"""A connector that captures a database, and its one task: what those have in common, whatever the database is."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from ottla.connect.api.connector import ExactlyOnceSupport, SourceConnector
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.task import SourceTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.config_def import ConfigDef, ConfigValue
    from ottla.connect.api.record import SourceRecord

SERVER: Final = "server"
"""The only key of a source partition: its value is `topic.prefix`."""


class Capturing(Protocol):
    """What is at work in a task."""

    def poll(self) -> list[SourceRecord] | None: ...
    def metrics(self) -> dict[str, float]: ...
    def close(self) -> None: ...


class CaptureConnector(SourceConnector):
    definition: ClassVar[ConfigDef]

    @abstractmethod
    def settings(self, props: Mapping[str, str]) -> Any:
        """`ConfigError`."""

    @abstractmethod
    def check_server(self, settings: Any) -> None:
        """Whether the database is there, and can be captured. `ConnectError`."""

    @abstractmethod
    def check_offset(self, offset: Mapping[str, Any]) -> None:
        """`ConnectError`: it is none of this kind."""

    def start(self, props: Mapping[str, str]) -> None:
        self.settings(props)
        self._props = dict(props)

    def task_configs(self, _max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)]

    def config(self) -> ConfigDef:
        return self.definition

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """Each key, and whether the database can be captured with them."""
        values = self.definition.validate(props)
        if any(value.error_messages for value in values.values()):
            return list(values.values())
        field = "table.exclude.list"
        try:
            settings = self.settings({key: value for key, value in props.items() if value is not None})
            field = "database.hostname"
            self.check_server(settings)
        except ConfigError as error:
            named = next((name for name in values if f"configuration {name}:" in str(error)), field)
            values[named].add_error_message(str(error))
        except ConnectError as error:
            values[field].add_error_message(str(error))
        return list(values.values())

    def exactly_once_support(self, _props: Mapping[str, str]) -> ExactlyOnceSupport:
        return ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or set(partition) != {SERVER}:
                raise ConnectError(f'the partition of such a connector is {{"{SERVER}": "<topic.prefix>"}}')
            if offset is not None:
                self.check_offset(offset)
        return True


class CaptureTask(SourceTask):
    """`start` of a subclass makes `_capture`."""

    _capture: Capturing | None = None

    def poll(self) -> list[SourceRecord] | None:
        assert self._capture is not None, "the task is not started"
        return self._capture.poll() or None

    def metrics(self) -> Mapping[str, float]:
        return self._capture.metrics() if self._capture is not None else {}

    def stop(self) -> None:
        if self._capture is not None:
            self._capture.close()
