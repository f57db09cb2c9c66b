"""Where an application tells Prometheus how it does: `/metrics`, `/healthz`, `/readyz` on a listener of its own.

Names are those that Confluent's rules for the JMX exporter (`kafka_streams.yml`) make of Kafka Streams' MBeans:
`kafka_streams_stream_thread_metrics_process_rate{thread_id="…"}`. Texts, such as the state, are labels of a 1.
"""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, Self

from ottla.runtime.metrics.health import Check
from ottla.runtime.metrics.metric import gauge
from ottla.runtime.metrics.process import read_process
from ottla.runtime.metrics.server import MetricsServer
from ottla.runtime.sockets import SocketNetwork
from ottla.runtime.tls_files import NO_TLS, TlsFiles
from ottla.streams.application.instance_state import State
from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from ottla.runtime.metrics.metric import Reading
    from ottla.streams.application.kafka_streams import KafkaStreams
    from ottla.streams.metrics.registry import Metric, MetricName

TEXTS: Final = frozenset({"state", "version", "commit-id", "application-id"})
LEFT_OUT: Final = frozenset({"kafka-metrics-count"})
START_TIMEOUT_S: Final = 30.0
_UNFIT: Final = re.compile(r"[^a-zA-Z0-9_]")


def read_metrics(metrics: Mapping[MetricName, Metric]) -> Iterator[Reading]:
    """All that have a value now. One name has the labels of all that are called so: some of them are empty."""
    found: dict[str, list[tuple[str, dict[str, str], float]]] = {}
    for name, metric in metrics.items():
        if name.group in LEFT_OUT:
            continue
        try:
            value = metric.value
        except Exception:  # what it measures is closing just now
            continue
        told = f"kafka_streams_{_fit(name.group)}"
        labels = {_fit(tag): text for tag, text in name.tags}
        if isinstance(value, int | float):
            found.setdefault(f"{told}_{_fit(name.name)}", []).append((name.description, labels, float(value)))
        elif name.name in TEXTS:
            found.setdefault(told, []).append(("What an instance is; always 1.", {**labels, _fit(name.name): value}, 1))
    for told, values in found.items():
        names = tuple(dict.fromkeys(label for _, labels, _ in values for label in labels))
        metric_told = gauge(told, values[0][0] or told, *names)
        for _, labels, number in values:
            yield metric_told, tuple(str(labels.get(each, "")) for each in names), number


def _fit(name: str) -> str:
    return _UNFIT.sub("_", name).lower()


class MetricsListener:
    """`with MetricsListener(app, "127.0.0.1", 9404): …`; it has a thread of its own.

    `/healthz` holds until the application is in ERROR, `/readyz` while it is RUNNING.
    """

    def __init__(self, app: KafkaStreams, host: str = "127.0.0.1", port: int = 9404, *, tls: TlsFiles = NO_TLS) -> None:
        """`ValueError`: its TLS cannot be."""
        self._app = app
        self._tls = tls.server()
        self._address = host, port
        self._thread = threading.Thread(target=self._run, name="ottla-streams-metrics", daemon=True)
        self._started: Future[str] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """Of its metrics; port 0 has become the one that it has."""
        return self._started.result(0)

    def start(self) -> None:
        """`StreamsError` where the address is not to be had."""
        self._thread.start()
        self._started.result(START_TIMEOUT_S)

    def close(self) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(START_TIMEOUT_S)
            self._loop = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        server = MetricsServer(
            SocketNetwork(loop),
            [lambda: read_metrics(self._app.metrics()), read_process],
            alive=lambda: [self._state(self._app.state not in (State.PENDING_ERROR, State.ERROR))],
            ready=lambda: [Check("running", self._app.state is State.RUNNING, self._app.state.value)],
            tls=self._tls,
        )
        host, port = self._address
        try:
            await server.start(host, port)
        except OSError as error:
            reason = f"cannot listen on {host}:{port} for metrics: {error.strerror or error}"
            self._started.set_exception(StreamsError(reason))
            return
        self._loop, self._stop = loop, stop
        self._started.set_result(server.url)
        await stop.wait()
        server.close()

    def _state(self, holds: bool) -> Check:
        failure: Any = self._app.failure
        return Check("state", holds, self._app.state.value if failure is None else str(failure))
