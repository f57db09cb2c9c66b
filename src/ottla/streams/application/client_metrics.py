"""What an instance says of itself as a whole (Kafka Streams' `ClientMetrics`, KIP-444 and KIP-1091)."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Final

from ottla.runtime.metrics.sensor import Statistic
from ottla.streams.metrics.recording_level import RecordingLevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.runtime.metrics.sensor import Sensor
    from ottla.streams.metrics.registry import MetricsRegistry

GROUP: Final = "stream-metrics"
_STATES: Final = ("CREATED", "REBALANCING", "RUNNING", "PENDING_SHUTDOWN", "NOT_RUNNING", "PENDING_ERROR", "ERROR")
"""In Kafka Streams' order, whose numbers `client-state` has."""


class ClientMetrics:
    def __init__(
        self,
        registry: MetricsRegistry,
        client_id: str,
        process_id: str,
        application_id: str,
        *,
        topology: str,
        state: Callable[[], str],
        alive_threads: Callable[[], int],
    ) -> None:
        """`topology`: what `describe()` prints."""
        scope = registry.scope()
        tags = {"client-id": client_id}
        of_process = {**tags, "process-id": process_id}
        of_application = {**of_process, "application-id": application_id}
        version = _version()
        scope.gauge(GROUP, tags, "version", "Ottla's version", lambda: version)
        scope.gauge(GROUP, tags, "commit-id", "unknown: releases are not told apart by commits", lambda: "unknown")
        scope.gauge(GROUP, tags, "application-id", "the application's id", lambda: application_id)
        scope.gauge(GROUP, tags, "topology-description", "the topology, described", lambda: topology)
        scope.gauge(GROUP, tags, "state", "the instance's state", state)
        scope.gauge(GROUP, tags, "alive-stream-threads", "threads that have not ended", alive_threads)
        scope.gauge(
            GROUP, of_process, "recording-level", "the recording level as a number", lambda: int(registry.level)
        )
        scope.gauge(
            GROUP, of_application, "client-state", "the instance's state as a number", lambda: _STATES.index(state())
        )
        failed = [("failed-stream-threads", Statistic.COUNT, "threads that have failed")]
        self.failed: Final[Sensor] = scope.sensor(GROUP, tags, failed, RecordingLevel.INFO)


def _version() -> str:
    try:
        return metadata.version("ottla")
    except metadata.PackageNotFoundError:
        return "unknown"
