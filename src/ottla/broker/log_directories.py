"""The log directories of a node, as directories: made, locked, and asked how full their disks are."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from ottla.broker.apis.describe_log_dirs import LogDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.world import Held, World


EVERY_DIRECTORY: Final = "*"


def is_cordoned(config: ServerConfig, path: PurePath) -> bool:
    """`cordoned.log.dirs`: no new replicas are to be placed there (KIP-1066)."""
    names = config.get_list("cordoned.log.dirs")
    return EVERY_DIRECTORY in names or path in [PurePath(name) for name in names]


def _is_cordoned_now(config: Callable[[], ServerConfig], path: PurePath) -> bool:
    return is_cordoned(config(), path)


class LogDirectories:
    """`log.dirs`, and `metadata.log.dir` where that is none of them."""

    def __init__(self, world: World, log_dirs: Sequence[str], metadata_log_dir: str) -> None:
        self._world = world
        self.paths = [Path(name) for name in dict.fromkeys(log_dirs)]
        self.metadata_path = Path(metadata_log_dir)
        self.failed: dict[PurePath, OSError] = {}
        self._locks: list[Held] = []

    @property
    def all_paths(self) -> list[Path]:
        return list(dict.fromkeys([*self.paths, self.metadata_path]))

    @property
    def usable_paths(self) -> list[Path]:
        return [path for path in self.all_paths if path not in self.failed]

    def acquire(self) -> None:
        """Make and lock them. One whose disk fails goes to `failed`, as long as others are left.

        `OSError` (the metadata log's directory, or the last one), or `DirectoryInUseError`: none is held then.
        """
        try:
            for path in self.all_paths:
                try:
                    self._world.files.make_directory(path)
                    lock = self._world.lock(path)
                except OSError as error:
                    self.fail(path, error)
                    if path == self.metadata_path:
                        raise
                else:
                    self._locks.append(lock)
        except BaseException:
            self.release()
            raise

    def fail(self, path: PurePath, error: OSError) -> None:
        """Out of service from the start; `error` if no directory for logs is left."""
        self.failed[path] = error
        if not set(self.paths) - self.failed.keys():
            raise error

    def release(self) -> None:
        for lock in self._locks:
            lock.release()
        self._locks.clear()

    def described(
        self, has_failed: Callable[[PurePath], bool], config: Callable[[], ServerConfig]
    ) -> list[LogDirectory]:
        """As DescribeLogDirs shows them, by absolute path."""
        return [
            LogDirectory(
                str(path.absolute()),
                partial(self._world.disk_bytes, path),
                cordoned=partial(_is_cordoned_now, config, path),
                has_failed=partial(has_failed, path),
            )
            for path in self.paths
        ]
