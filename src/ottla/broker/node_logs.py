"""The logs of a node: made, opened with what is to be told of it, looked after, cleaned and moved."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ottla.broker import open_files
from ottla.broker.dynamic_config import DynamicServerConfig
from ottla.broker.log_opening import open_logs
from ottla.broker.replica.log_config import LogConfigs
from ottla.broker.settings import cleaner_config, upkeep_intervals
from ottla.log.manager import LogManager
from ottla.log.upkeep import LogUpkeep

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.log_directories import LogDirectories
    from ottla.broker.storage_format import Storage
    from ottla.log.file_names import TopicPartition
    from ottla.log.log_cleaner import LogCleaner
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.world import World


class NodeLogs:
    """`manager` has the logs; `image` is the metadata as it is now, `report` is told what an operator should know."""

    def __init__(
        self,
        config: ServerConfig,
        world: World,
        directories: LogDirectories,
        storage: Storage,
        image: Callable[[], MetadataImage],
        report: Callable[[str], None],
    ) -> None:
        self._config = config
        self._world = world
        self._image = image
        self._report = report
        self.manager = LogManager(
            world.files,
            directories.paths,
            world.clock,
            unique=world.new_uuid,
            random_below=lambda limit: world.random.randrange(limit) if limit > 0 else 0,
            file_delete_delay_ms=config.get_int("log.segment.delete.delay.ms"),
            directory_ids=storage.directory_ids,
            failed=directories.failed,
        )

    async def open(self) -> None:
        """`OSError` when no log directory is left."""
        logs, world, report = self.manager, self._world, self._report
        is_hosted = partial(_is_hosted, self._image, self._config.node_id)
        configs = LogConfigs(self._config.node_id, self._config.static, report)
        await open_logs(logs, lambda topic: configs(self._image(), topic), is_hosted, world.clock, world.blocking)
        for recovered in logs.recovered:
            if recovered.truncated_bytes:
                report(f"{recovered.log}: {recovered.truncated_bytes} bytes of a torn tail were cut off")
        for directory in logs.directories:
            if directory.failure is not None:
                report(f"log directory {directory.path} is offline until the node starts again: {directory.failure}")
        few_files = open_files.complaint(sum(1 for _ in logs))
        if few_files:
            report(few_files)
        for stray in logs.put_strays_aside(is_hosted):
            report(f"{stray} is no replica of the cluster any more: it was put aside as a stray")

    def close(self, broker_epoch: int) -> None:
        """What `LogManager.close` says, with all that is synced at a time."""
        self.manager.close(broker_epoch, self._world.blocking.together)

    def start_upkeep(self) -> LogUpkeep:
        """Flushes, retention, checkpoints: until it is stopped."""
        upkeep = LogUpkeep(
            self.manager,
            self._world.timers,
            self._world.clock,
            self._world.blocking.run,
            failed=self._disk_failed,
            intervals=upkeep_intervals(self._config),
        )
        upkeep.start()
        return upkeep

    def make_cleaner(self) -> LogCleaner:
        from ottla.log.log_cleaner import LogCleaner

        dynamic_config = DynamicServerConfig(self._config)
        return LogCleaner(
            self.manager,
            self._world.timers,
            self._world.clock,
            self._world.blocking.run,
            config=lambda: cleaner_config(dynamic_config(self._image())),
            failed=self._disk_failed,
            report=self._report,
        )

    def _disk_failed(self, error: OSError) -> None:
        self._report(f"the disk failed: {error}")


def _is_hosted(image: Callable[[], MetadataImage], node_id: int, name: TopicPartition, topic_id: bytes | None) -> bool:
    """Whether the newest metadata gives a log to the node."""
    topic = image().topics.by_name.get(name.topic)
    partition = None if topic is None else topic.partitions.get(name.partition)
    return (
        topic is not None
        and partition is not None
        and topic_id in (None, topic.topic_id)
        and node_id in partition.replicas
    )
