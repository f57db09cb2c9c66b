"""How long the requests of one API take, from a sample of them, and which errors they were answered with.

Kafka keeps a histogram of each part of a request's way, over a sample that prefers the last five minutes. Here the
sample is taken before the measuring: of an API that is asked often one request in `_stride` is timed, so that no more
than some hundred are in a second. Sums are of the sample, each weighted by how many it stands for.

    begins ─ local ─► the handler returned ─ remote ─► answered ─ response send ─► given to the socket

One thread serves a request from its decoding on, and nothing queues before or behind it. Kafka's
`RequestChannel.Request.updateRequestMetrics`.
"""

from __future__ import annotations

from collections import Counter, deque
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.protocol.api_keys import API
from ottla.protocol.message import ArrayOf
from ottla.protocol.types import Primitive
from ottla.runtime.metrics.metric import Summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.metrics.request_spans import RequestSpans
    from ottla.broker.request_counts import Asker, RequestCounts, Timing
    from ottla.protocol.api_keys import ApiKey
    from ottla.protocol.message import Response, Struct
    from ottla.runtime.tracing.tracing import Tracing

MAX_SAMPLES: Final = 1024
"""Of an API, the newest."""
SAMPLE_AGE_MS: Final = 300_000.0
OFTEN_MS: Final = 5.0
"""Less between two that were timed: let more pass before the next."""
SELDOM_MS: Final = 50.0
MAX_STRIDE: Final = 1024
QUANTILES: Final = (0.5, 0.75, 0.95, 0.98, 0.99, 0.999)
QUANTILE_TEXTS: Final = ("0.50", "0.75", "0.95", "0.98", "0.99", "0.999")


class Sample(NamedTuple):
    """One request; times in milliseconds, `at_ms` of the monotonic clock."""

    at_ms: float
    total: float
    local: float
    remote: float
    response_send: float
    size: int


PARTS: Final = Sample._fields[1:]


class RequestTiming:
    """`Timing`: the clock is read at each step, and the sample is added by the last one."""

    __slots__ = ("_also", "_answered", "_began", "_handled", "_size", "_times", "_weight")

    def __init__(self, times: RequestTimes, began_ms: float, size: int, weight: int) -> None:
        self._times = times
        self._also: RequestTimes | None = None
        self._began = self._handled = self._answered = began_ms
        self._size = size
        self._weight = weight

    def also(self, kind: str) -> None:
        self._also = self._times.kind(kind)

    def handled(self) -> None:
        self._handled = self._answered = self._times.clock_ms()

    def answered(self) -> None:
        self._answered = self._times.clock_ms()

    def told(self, response: Response) -> None: ...

    def sent(self) -> None:
        now = self._times.clock_ms()
        local, remote = self._handled - self._began, self._answered - self._handled
        sample = Sample(now, now - self._began, local, remote, now - self._answered, self._size)
        self._times.add(sample, self._weight)
        if self._also is not None:
            self._also.add(sample, self._weight)


class RequestTimes:
    """Of all versions of an API. `clock_ms` is monotonic."""

    def __init__(self, clock_ms: Callable[[], float]) -> None:
        self.clock_ms = clock_ms
        self.errors: Counter[int] = Counter()
        """Other codes than NONE, by how many answers and parts of answers said so."""
        self.without_error = 0
        self.kinds: dict[str, RequestTimes] = {}
        """Of those that are told apart: `FetchConsumer`, `FetchFollower`."""
        self._sums = [0.0] * len(PARTS)
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._stride = 1
        self._last_ms = float("-inf")

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self._samples)

    def kind(self, name: str) -> RequestTimes:
        times = self.kinds.get(name)
        if times is None:
            times = self.kinds[name] = RequestTimes(self.clock_ms)
        return times

    def begin(self, counts: RequestCounts, size: int, together: int) -> RequestTiming:
        now = self.clock_ms()
        weight = max(self._stride, together)
        since = now - self._last_ms
        if since < OFTEN_MS:
            self._stride = min(2 * self._stride, MAX_STRIDE)
        elif since > SELDOM_MS:
            self._stride = max(1, self._stride // 2)
        self._last_ms = now
        counts.time_at = counts.single + self._stride - 1
        counts.time_together_at = counts.together + self._stride
        return RequestTiming(self, now, size, weight)

    def add(self, sample: Sample, weight: int) -> None:
        self._samples.append(sample)
        sums = self._sums
        for place, value in enumerate(sample[1:]):
            sums[place] += value * weight

    def summary(self, part: str, requests: int) -> Summary:
        """Of one of `PARTS`, of which there were so many."""
        place = PARTS.index(part)
        oldest = self.clock_ms() - SAMPLE_AGE_MS
        values = sorted(sample[place + 1] for sample in list(self._samples) if sample.at_ms >= oldest)
        quantiles = [
            (text, _quantile(values, quantile)) for text, quantile in zip(QUANTILE_TEXTS, QUANTILES, strict=True)
        ]
        return Summary(requests, self._sums[place], quantiles)


class VersionMeasure:
    """`Measure`: the times of its API, and the errors that answers of this version tell."""

    __slots__ = ("_count_errors", "_spans", "_times")

    def __init__(self, times: RequestTimes, key: ApiKey, version: int, tracing: Tracing | None = None) -> None:
        """With `tracing` what is timed is told as a span, too."""
        self._times = times
        paths = _error_paths(API[key].response, version)
        self._count_errors = _counter_of(paths, times)
        self._spans: RequestSpans | None = None
        if tracing is not None:
            from ottla.broker.metrics.request_spans import RequestSpans

            self._spans = RequestSpans(tracing, key, version, paths)

    @property
    def answered(self) -> Callable[[Response], None]:
        return self._count_errors

    def begin(self, counts: RequestCounts, frame: memoryview, client: Asker, together: int = 0) -> Timing:
        timing = self._times.begin(counts, len(frame), together)
        if self._spans is None:
            return timing
        from ottla.broker.metrics.request_spans import TracedTiming

        return TracedTiming(timing, self._spans, frame, client, together)


def _quantile(values: list[float], quantile: float) -> float:
    """As Kafka's histograms do: between the two that are next to it. 0 where there is none."""
    if not values:
        return 0.0
    position = quantile * (len(values) + 1)
    if position < 1:
        return float(values[0])
    if position >= len(values):
        return float(values[-1])
    below = values[int(position) - 1]
    return below + (position - int(position)) * (values[int(position)] - below)


def _error_paths(struct: type[Struct], version: int) -> list[tuple[str, ...]]:
    paths: list[tuple[str, ...]] = []
    for field in struct.schema:
        if version not in field.versions:
            continue
        if field.name == "error_code":
            paths.append((field.name,))
        elif isinstance(field.type, ArrayOf) and not isinstance(field.type.element, Primitive):
            paths += [(field.name, *path) for path in _error_paths(field.type.element, version)]
    return paths


def _counter_of(paths: list[tuple[str, ...]], times: RequestTimes) -> Callable[[Any], None]:
    """What counts every error code of an answer, with no loop too many: each answer goes through it."""
    counters = [_path_counter(path, times) for path in paths]
    if len(counters) == 1:
        return counters[0]

    def count(answer: Any) -> None:
        for each in counters:
            each(answer)
        if not counters:
            times.without_error += 1

    return count


def _path_counter(path: tuple[str, ...], times: RequestTimes) -> Callable[[Any], None]:
    errors = times.errors

    def count(answer: Any) -> None:
        code = answer.error_code
        if code:
            errors[code] += 1
        else:
            times.without_error += 1

    if len(path) == 1:
        return count
    outer_of = attrgetter(path[0])
    if len(path) == 2:

        def count_parts(answer: Any) -> None:
            for part in outer_of(answer) or ():
                if part.error_code:
                    errors[part.error_code] += 1
                else:
                    times.without_error += 1

        return count_parts
    count_inner = _path_counter(path[1:], times)

    def count_deeper(answer: Any) -> None:
        for whole in outer_of(answer) or ():
            count_inner(whole)

    return count_deeper
