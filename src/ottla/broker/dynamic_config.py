"""The configuration of this broker as it is now: its static one under what the metadata says dynamically. KIP-226."""

import contextlib
from typing import TYPE_CHECKING

from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.image import MetadataImage
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.server_config import ServerConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.metadata.delta import MetadataDelta


def follow_broker_configs(
    config: "DynamicServerConfig",
    apply: "Callable[[ServerConfig], None]",
    report: "Callable[[str], None]",
) -> "Callable[[MetadataDelta, MetadataImage], None]":
    """A subscriber of the metadata that applies this broker's configs when they change. What is wrong is reported, and
    all stays as it was."""
    keys = {(int(ConfigResourceType.BROKER), name) for name in ("", str(config.node_id))}

    def follow(delta: "MetadataDelta", image: MetadataImage) -> None:
        if keys.isdisjoint(delta.changed_configs):
            return
        try:
            apply(config.read(image))
        except ConfigError as error:
            report(str(error))

    return follow


class DynamicServerConfig:
    """Call it with an image. What did not change is not read again; what is wrong leaves all as it was."""

    def __init__(self, static: ServerConfig) -> None:
        self.node_id = static.node_id
        self._static = static
        self._dynamic: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
        self._current = static

    def __call__(self, image: MetadataImage) -> ServerConfig:
        return self.of(*self._layers(image))

    def of(self, of_cluster: "Mapping[str, str]", of_broker: "Mapping[str, str]") -> ServerConfig:
        """With these configs of all brokers and of this one."""
        if (of_cluster, of_broker) != self._dynamic:
            with contextlib.suppress(ConfigError):  # whoever follows the configs tells of it
                self._set(of_cluster, of_broker)
        return self._current

    def read(self, image: MetadataImage) -> ServerConfig:
        """Anew, even if nothing changed: what stands behind a variable may have. Raises `ConfigError`."""
        self._set(*self._layers(image))
        return self._current

    def _set(self, of_cluster: "Mapping[str, str]", of_broker: "Mapping[str, str]") -> None:
        self._dynamic = (of_cluster, of_broker)
        self._current = self._static.with_dynamic(of_cluster, of_broker)

    def _layers(self, image: MetadataImage) -> "tuple[Mapping[str, str], Mapping[str, str]]":
        of_cluster = image.configs.of(ConfigResourceType.BROKER, "")
        return of_cluster, image.configs.of(ConfigResourceType.BROKER, str(self._static.node_id))
