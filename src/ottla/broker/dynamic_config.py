"""The configuration of this broker as it is now: its static one under what the metadata says dynamically. KIP-226."""

from collections.abc import Mapping

from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.image import MetadataImage
from ottla.runtime.config.server_config import ServerConfig


class DynamicServerConfig:
    """Call it with an image. What did not change is not read again."""

    def __init__(self, static: ServerConfig) -> None:
        self._static = static
        self._of_cluster: Mapping[str, str] = {}
        self._of_broker: Mapping[str, str] = {}
        self._current = static

    def __call__(self, image: MetadataImage) -> ServerConfig:
        of_cluster = image.configs.of(ConfigResourceType.BROKER, "")
        of_broker = image.configs.of(ConfigResourceType.BROKER, str(self._static.node_id))
        if of_cluster != self._of_cluster or of_broker != self._of_broker:
            self._current = self._static.with_dynamic(of_cluster, of_broker)
            self._of_cluster, self._of_broker = of_cluster, of_broker
        return self._current
