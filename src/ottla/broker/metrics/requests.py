"""Requests by API and version, their errors, and how long they take. Kafka's `RequestMetrics`.

Broker and controller count together, as they do in a combined node of Apache Kafka.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ottla.broker.apis.fetch import CONSUMER_KIND, FOLLOWER_KIND
from ottla.broker.metrics.request_times import RequestTimes, VersionMeasure
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.runtime.metrics.metric import Summary, counter, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.broker.dispatcher import Dispatcher
    from ottla.broker.node_view import NodeView
    from ottla.runtime.metrics.metric import Reading
    from ottla.runtime.tracing.tracing import Tracing

_MBEAN: Final = "kafka.network:type=RequestMetrics,name="

REQUESTS = counter(
    "kafka_network_requestmetrics_requests_total",
    "Requests.",
    "request",
    "version",
    mbean=_MBEAN + "RequestsPerSec",
)
ERRORS = counter(
    "kafka_network_requestmetrics_errors_total",
    "Answers and parts of answers by the error that they tell; NONE is one of them.",
    "request",
    "error",
    mbean=_MBEAN + "ErrorsPerSec",
)
TOTAL = summary(
    "kafka_network_requestmetrics_totaltimems",
    "From a request's decoding to its answer's way into the socket, in milliseconds.",
    "request",
    mbean=_MBEAN + "TotalTimeMs",
)
LOCAL = summary(
    "kafka_network_requestmetrics_localtimems",
    "What its decoding and its handler take, in milliseconds.",
    "request",
    mbean=_MBEAN + "LocalTimeMs",
)
REMOTE = summary(
    "kafka_network_requestmetrics_remotetimems",
    "How long it waits for others: followers, a majority, bytes to fetch, members of its group; in milliseconds.",
    "request",
    mbean=_MBEAN + "RemoteTimeMs",
)
SEND = summary(
    "kafka_network_requestmetrics_responsesendtimems",
    "From the answer's being there to its way into the socket, in milliseconds.",
    "request",
    mbean=_MBEAN + "ResponseSendTimeMs",
)
REQUEST_QUEUE = summary(
    "kafka_network_requestmetrics_requestqueuetimems",
    "Always 0: one thread reads a request and serves it.",
    "request",
    mbean=_MBEAN + "RequestQueueTimeMs",
)
RESPONSE_QUEUE = summary(
    "kafka_network_requestmetrics_responsequeuetimems",
    "Always 0: what serves a request writes its answer.",
    "request",
    mbean=_MBEAN + "ResponseQueueTimeMs",
)
SIZE = summary(
    "kafka_network_requestmetrics_requestbytes",
    "The size of a request, in bytes.",
    "request",
    mbean=_MBEAN + "RequestBytes",
)

METRICS = (REQUESTS, ERRORS, TOTAL, LOCAL, REMOTE, SEND, REQUEST_QUEUE, RESPONSE_QUEUE, SIZE)

_PARTS: Final = ((TOTAL, "total"), (LOCAL, "local"), (REMOTE, "remote"), (SEND, "response_send"), (SIZE, "size"))
_NOTHING_QUEUES: Final = tuple((text, 0.0) for text in ("0.50", "0.75", "0.95", "0.98", "0.99", "0.999"))


class RequestMetrics:
    """`watch` each dispatcher once."""

    def __init__(self, view: NodeView, clock_ms: Callable[[], float], tracing: Tracing | None = None) -> None:
        self._view = view
        self._tracing = tracing
        self._clock_ms = clock_ms
        self._times: dict[ApiKey, RequestTimes] = {}
        self._dispatchers: list[Dispatcher] = []

    def watch(self, dispatcher: Dispatcher) -> None:
        if dispatcher not in self._dispatchers:
            self._dispatchers.append(dispatcher)
            dispatcher.measure(self._measure_of)

    def _measure_of(self, key: ApiKey, version: int) -> VersionMeasure:
        times = self._times.get(key)
        if times is None:
            times = self._times[key] = RequestTimes(self._clock_ms)
        return VersionMeasure(times, key, version, self._tracing)

    def read(self) -> Iterator[Reading]:
        by_version: Counter[tuple[ApiKey, int]] = Counter()
        for dispatcher in self._dispatchers:
            for at, counts in list(dispatcher.counts.items()):
                by_version[at] += counts.requests
        total: Counter[str] = Counter()
        for (key, version), requests in sorted(by_version.items()):
            for name, count in self._names(key, version, requests):
                yield REQUESTS, (name, str(version)), count
                total[name] += count
        for key, times in list(self._times.items()):
            name = API[key].name
            yield from self._read_errors(key, times)
            yield from _read_times(name, times, total[name])
            for kind, of_kind in list(times.kinds.items()):
                yield from _read_times(kind, of_kind, total[kind])

    def _names(self, key: ApiKey, version: int, requests: int) -> Iterator[tuple[str, int]]:
        """As Kafka, which tells a consumer's fetches from a follower's beside counting both."""
        yield API[key].name, requests
        if key is ApiKey.FETCH and self._view.parts is not None:
            of_followers = self._view.parts.replicas.follower_fetches[version]
            if of_followers < requests:
                yield CONSUMER_KIND, requests - of_followers
            if of_followers:
                yield FOLLOWER_KIND, of_followers

    def _read_errors(self, key: ApiKey, times: RequestTimes) -> Iterator[Reading]:
        name, without = API[key].name, times.without_error
        for dispatcher in self._dispatchers:
            without += sum(counts.together for (of, _), counts in list(dispatcher.counts.items()) if of is key)
        if without:
            yield ERRORS, (name, ErrorCode.NONE.name), without
        for code, count in sorted(times.errors.items()):
            yield ERRORS, (name, _error_name(code)), count


def _error_name(code: int) -> str:
    try:
        return ErrorCode(code).name
    except ValueError:
        return str(code)


def _read_times(name: str, times: RequestTimes, requests: int) -> Iterator[Reading]:
    for metric, part in _PARTS:
        yield metric, (name,), times.summary(part, requests)
    for metric in (REQUEST_QUEUE, RESPONSE_QUEUE):
        yield metric, (name,), Summary(requests, 0.0, _NOTHING_QUEUES)
