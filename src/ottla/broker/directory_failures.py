"""A log directory whose disk fails or fills is taken out of service; the rest of the node goes on. KIP-112, 858.

    an OSError of a log ─► LogManager.fail_directory ─► its partitions are offline (KAFKA_STORAGE_ERROR)
                                                     ─► the controller: this broker leads none of them any more
    the metadata log lies there, or none is left ─► the node stops

Until the node starts again nothing touches such a directory; what it holds is recovered then. Which directory a
replica lies in is told to the controller as soon as it is placed, so that it never begins anew in another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import PurePath

    from ottla.broker.replica.replica_manager import ReplicaManager
    from ottla.log.file_names import TopicPartition
    from ottla.log.log import Log
    from ottla.log.manager import LogManager
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.loop import StopRequest


class DirectoryReports(Protocol):
    """The way to the controller: `registration.Registration` or `membership.ClusterMembership`."""

    def placed(self, replicas: Mapping[tuple[bytes, int], bytes]) -> None:
        """(topic id, index) -> directory id."""
        ...

    def offline(self, directory_ids: Sequence[bytes]) -> None:
        """All of those that have failed in this run."""
        ...


class DirectoryFailures:
    """`watch` once the replicas are there; `on_metadata` subscribes behind them."""

    def __init__(
        self,
        logs: LogManager,
        replicas: ReplicaManager,
        reports: DirectoryReports,
        stop_request: StopRequest,
        *,
        metadata_directory: PurePath,
        report: Callable[[str], None],
    ) -> None:
        self._logs = logs
        self._replicas = replicas
        self._reports = reports
        self._stop_request = stop_request
        self._metadata_directory = metadata_directory
        self._report = report

    def watch(self) -> None:
        """What failed while the logs were opened is told now: a broker of a cluster has registered before."""
        self._logs.on_failure = self._failed
        self._tell_offline()

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        self._tell_placed()

    def moved(self, name: TopicPartition, log: Log) -> None:
        """AlterReplicaLogDirs has moved a log."""
        self._replicas.moved(name, log)
        self._tell_placed()

    def _tell_placed(self) -> None:
        placed = self._replicas.take_placed()
        if placed:
            self._reports.placed(placed)

    def _failed(self, path: PurePath, names: list[TopicPartition], error: OSError) -> None:
        self._replicas.take_offline(names)
        if path == self._metadata_directory:
            self._stop_request.stop(f"log directory {path}, which holds the metadata log, failed", error)
        elif not self._logs.online:
            self._stop_request.stop(f"log directory {path} failed, and no other is left", error)
        else:
            self._report(
                f"log directory {path} is offline until the node starts again, and {len(names)} partitions with it: "
                f"{error}"
            )
            self._tell_offline()

    def _tell_offline(self) -> None:
        """One that could not be read at the start has no id, and was not registered."""
        failed = [one.directory_id for one in self._logs.directories if one.failure is not None and one.directory_id]
        if failed:
            self._reports.offline(failed)
