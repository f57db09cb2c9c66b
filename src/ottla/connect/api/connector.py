"""Connectors: what says how a copy is divided into tasks (`org.apache.kafka.connect.connector.Connector`, KIP-26).

A connector moves no data: `task_configs` says what each of its tasks is to do. It lives in the worker, where each has a
thread of its own; its methods may block, and are called one at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ottla.connect.api.task import SinkTask, SourceTask, Task, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.config_def import ConfigDef, ConfigValue

__all__ = [
    "Connector",
    "ConnectorContext",
    "ExactlyOnceSupport",
    "SinkConnector",
    "SourceConnector",
    "TopicPartition",
]


class ConnectorContext(Protocol):
    """What the worker does for a connector; from any thread."""

    def request_task_reconfiguration(self) -> None:
        """Ask that `task_configs` be called again, and the tasks be started with what it says then."""
        ...

    def raise_error(self, error: BaseException) -> None:
        """The connector has failed for good: its status says so."""
        ...


class ExactlyOnceSupport(Enum):
    SUPPORTED = "SUPPORTED"
    UNSUPPORTED = "UNSUPPORTED"


class Connector(ABC):
    """`initialize`, `start`, then `task_configs` as often as it takes, and `stop`."""

    context: ConnectorContext
    version: ClassVar[str | None] = None
    """Shown by the REST API and in the status; `None`: that of Ottla."""

    def initialize(self, context: ConnectorContext) -> None:
        self.context = context

    @abstractmethod
    def start(self, props: Mapping[str, str]) -> None:
        """With the whole configuration; what it raises is in the connector's status."""

    def reconfigure(self, props: Mapping[str, str]) -> None:
        self.stop()
        self.start(props)

    @abstractmethod
    def task_class(self) -> type[Task]: ...

    @abstractmethod
    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        """The configuration of each task, at most `max_tasks`; fewer where there is less to do."""

    def stop(self) -> None:
        """Let go of what `start` took."""
        return

    @abstractmethod
    def config(self) -> ConfigDef:
        """What can be configured beside what every connector has."""

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """What is wrong with a configuration; override for what depends on several keys."""
        return list(self.config().validate(props).values())


class SourceConnector(Connector):
    @abstractmethod
    def task_class(self) -> type[SourceTask]: ...

    def exactly_once_support(self, _props: Mapping[str, str]) -> ExactlyOnceSupport | None:
        """Whether its offsets say exactly what was read (KIP-618); `None`: it does not say."""
        return None

    def can_define_transaction_boundaries(self, _props: Mapping[str, str]) -> bool:
        return False

    def alter_offsets(
        self, _props: Mapping[str, str], _offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        """Somebody sets offsets (KIP-875), `None` to forget one: look whether they can be, raise `ConnectError` if not.

        True: they are, or need not be, set in whatever else the connector keeps.
        """
        return False


class SinkConnector(Connector):
    @abstractmethod
    def task_class(self) -> type[SinkTask]: ...

    def alter_offsets(self, _props: Mapping[str, str], _offsets: Mapping[TopicPartition, int | None]) -> bool:
        """Somebody sets the offsets that are read next (KIP-875); as `SourceConnector.alter_offsets`."""
        return False
