"""What changes records on their way (`Transformation`, `Predicate`): one record to another one, or to none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from ottla.connect.api.config_def import ConfigDef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord

RecordT = TypeVar("RecordT", bound="ConnectRecord")


class Configurable(ABC):  # noqa: B024  # what to do with it, its kinds say
    """Made without arguments, configured once, closed when it is used no more."""

    def config(self) -> ConfigDef:
        """What may be configured."""
        return ConfigDef()

    def configure(self, props: Mapping[str, Any]) -> None:  # noqa: B027  # some have nothing to configure
        """Raises `ConfigError` for what may not be."""

    def close(self) -> None:  # noqa: B027
        """It is used no more."""


class Transformation(Configurable):
    @abstractmethod
    def apply(self, record: RecordT) -> RecordT | None:
        """The record to go on with (this one is not changed), or `None` to drop it. Raises `DataError`."""


class Predicate(Configurable):
    @abstractmethod
    def test(self, record: ConnectRecord) -> bool:
        """Whether it holds of the record."""
