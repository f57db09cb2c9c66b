"""The configuration of this broker as it is now: its static one under what the metadata says dynamically. KIP-226."""

from typing import TYPE_CHECKING

from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.image import MetadataImage
from ottla.runtime.config.server_config import ServerConfig

if TYPE_CHECKING:
    from collections.abc import Mapping


class DynamicServerConfig:
    """Call it with an image. What did not change is not read again."""

    def __init__(self, static: ServerConfig) -> None:
        self._static = static
        self._dynamic: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
        self._current = static

    def __call__(self, image: MetadataImage) -> ServerConfig:
        of_cluster = image.configs.of(ConfigResourceType.BROKER, "")
        of_broker = image.configs.of(ConfigResourceType.BROKER, str(self._static.node_id))
        if (of_cluster, of_broker) != self._dynamic:
            self._current = self._static.with_dynamic(of_cluster, of_broker)
            self._dynamic = (of_cluster, of_broker)
        return self._current
