"""A node that is watched: its door for scrapers and probes, and all sources of its metrics.

Made before the node starts, so that a probe is answered while it recovers. `follow` comes when it has started.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ottla.broker.metrics import controller, groups, lag, partitions, raft, requests, server, topics
from ottla.runtime.metrics import process
from ottla.runtime.metrics.health import Check
from ottla.runtime.metrics.server import MetricsServer
from ottla.runtime.tracing.tracing import METRICS as SPAN_METRICS
from ottla.runtime.tracing.tracing import active

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.broker.node_view import NodeView
    from ottla.runtime.loop import StopRequest
    from ottla.runtime.metrics.metric import Metric
    from ottla.runtime.metrics.otlp_exporter import OtlpExporter, OtlpSettings
    from ottla.runtime.world import World

METRICS: Final[dict[str, tuple[Metric, ...]]] = {
    "Requests": requests.METRICS,
    "Topics": topics.METRICS,
    "Partitions and logs": partitions.METRICS,
    "Controller": controller.METRICS,
    "Metadata quorum": raft.METRICS,
    "Groups and transactions": groups.METRICS,
    "Lag, as kafka_exporter tells it": lag.METRICS,
    "The node": server.METRICS,
    "The process": process.METRICS,
    "Traces": SPAN_METRICS,
}
"""All that a node tells, by subject."""

_SOURCES: Final = (
    topics.read_topics,
    partitions.read_partitions,
    partitions.read_logs,
    groups.read_groups,
    groups.read_transactions,
    lag.read_cluster,
    lag.read_topics,
    lag.read_groups,
    server.read_server,
    server.read_connections,
    server.read_directories,
)


class Observation:
    """`start`, `follow` and `close` once each. More sources may be added to `server.sources`."""

    def __init__(self, view: NodeView, world: World, stop_request: StopRequest) -> None:
        self._view = view
        self._stop_request = stop_request
        clock = world.clock
        self._requests = requests.RequestMetrics(view, clock.monotonic_ms, active())
        self._requests.watch(view.dispatcher)
        self._controller = controller.ControllerMetrics(view, clock)
        self._raft = raft.RaftMetrics(view, clock)
        self._exporter: OtlpExporter | None = None
        self.server = MetricsServer(world.network, alive=self._alive, ready=self._ready)
        self.server.sources += [
            self._requests.read,
            *(partial(read, view) for read in _SOURCES),
            self._controller.read,
            self._raft.read,
            server.LoopIdleness().read,
            process.read_process,
        ]

    async def start(self, host: str, port: int) -> str:
        """Answer from now on; the URL of the metrics. `OSError` when the address is not to be had."""
        await self.server.start(host, port)
        return self.server.url

    def follow(self) -> None:
        """The node has started."""
        if self._exporter is not None:
            self._exporter.start()
        metadata = self._view.metadata
        assert metadata is not None
        if metadata.dispatcher is not None:
            self._requests.watch(metadata.dispatcher)
        metadata.quorum.subscribe(self._controller.on_metadata)
        metadata.quorum.subscribe(self._raft.on_metadata)
        self._controller.on_leader(metadata.quorum.leader_id, metadata.quorum.leader_epoch)
        metadata.quorum.on_leader_changed(self._controller.on_leader)

    @property
    def url(self) -> str | None:
        """Of the metrics, if it answers scrapes."""
        return self.server.url if self.server.is_open else None

    def export(self, settings: OtlpSettings) -> None:
        """Tell a collector, from `follow` on."""
        from ottla.runtime.metrics.otlp_exporter import OtlpExporter

        self._exporter = OtlpExporter(settings, self.server)

    async def stop_exporting(self) -> None:
        if self._exporter is not None:
            await self._exporter.stop()

    def close(self) -> None:
        self.server.close()

    def _alive(self) -> Sequence[Check]:
        failure = self._stop_request.failure
        return (Check("node", failure is None, "" if failure is None else f"{self._stop_request.reason}: {failure}"),)

    def _ready(self) -> Sequence[Check]:
        view = self._view
        yet = "it is on its way out" if view.stops else "it has not started yet"
        checks = [Check("started", view.serves, "" if view.serves else yet)]
        metadata = view.metadata
        if metadata is None or not metadata.is_started:
            return checks
        leader = metadata.quorum.leader_id
        checks.append(Check("quorum", leader >= 0, f"node {leader} leads" if leader >= 0 else "nobody leads"))
        if view.parts is not None:
            broker = metadata.quorum.image.cluster.brokers.get(view.parts.config.node_id)
            is_unfenced = broker is not None and not broker.fenced
            checks.append(Check("unfenced", is_unfenced, "" if is_unfenced else "the controller has fenced it"))
            offline = [directory.path for directory in view.parts.log_directories if directory.has_failed()]
            checks.append(Check("log directories", len(offline) < len(view.parts.log_directories), ", ".join(offline)))
        return checks
