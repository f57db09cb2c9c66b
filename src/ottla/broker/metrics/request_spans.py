"""Requests as spans of OpenTelemetry: those of the requests that are timed anyway, so that the others pay nothing.

A request is a trace of its own, as no header of Kafka's protocol names the trace of whoever asks. Its span is made when
its answer is given to the socket, with the times that were noted on the way.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from ottla.protocol.api_keys import API
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ottla.broker.request_counts import Asker, Timing
    from ottla.protocol.api_keys import ApiKey
    from ottla.protocol.message import Response
    from ottla.runtime.tracing.tracing import AttributeValue, Tracing

_CLIENT_ID_SIZE: Final = 8
"""Where it stands in a request's header."""


class RequestSpans:
    """Of one version of an API. `error_paths`: where its answers have error codes."""

    def __init__(self, tracing: Tracing, key: ApiKey, version: int, error_paths: Sequence[tuple[str, ...]]) -> None:
        self.tracing = tracing
        self.name = API[key].name
        self.attributes: dict[str, AttributeValue] = {
            "messaging.system": "kafka",
            "kafka.api.key": int(key),
            "kafka.api.name": self.name,
            "kafka.api.version": version,
        }
        self._error_paths = error_paths

    def first_error(self, response: Response) -> int:
        return next(chain.from_iterable(_errors(response, path) for path in self._error_paths), 0)


class TracedTiming:
    """`Timing`, which is told what the other is told."""

    __slots__ = ("_answered", "_attributes", "_began", "_error", "_handled", "_name", "_spans", "_timing")

    def __init__(self, timing: Timing, spans: RequestSpans, frame: memoryview, client: Asker, together: int) -> None:
        self._timing = timing
        self._spans = spans
        self._name = spans.name
        self._error = 0
        self._attributes: dict[str, AttributeValue] = spans.attributes | {
            "kafka.listener": client.listener,
            "kafka.request.size_bytes": len(frame),
            "kafka.request.count": together or 1,
            "client.address": client.client_host,
            "client.port": client.client_port,
        }
        if (client_id := _client_id(frame)) is not None:
            self._attributes["messaging.client.id"] = client_id
        self._began = self._handled = self._answered = time.time_ns()

    def also(self, kind: str) -> None:
        self._timing.also(kind)
        self._name = kind

    def handled(self) -> None:
        self._timing.handled()
        self._handled = self._answered = time.time_ns()

    def answered(self) -> None:
        self._timing.answered()
        self._answered = time.time_ns()

    def told(self, response: Response) -> None:
        self._error = self._spans.first_error(response)

    def sent(self) -> None:
        self._timing.sent()
        now = time.time_ns()
        times = {
            "kafka.request.local_time_ms": (self._handled - self._began) / 1e6,
            "kafka.request.remote_time_ms": (self._answered - self._handled) / 1e6,
            "kafka.response.send_time_ms": (now - self._answered) / 1e6,
        }
        told = self._attributes | times | {"kafka.error_code": self._error}
        tracing = self._spans.tracing
        span = tracing.begin(self._name, "SERVER", told, start_ns=self._began)
        if self._error:
            code = _code_of(self._error)
            name = code.name if code is not None else str(self._error)
            tracing.fail(span, name, is_ours=code is None or not code.retriable)
        span.end(now)


def _errors(whole: Any, path: tuple[str, ...]) -> Iterator[int]:
    """Other codes than NONE."""
    found = getattr(whole, path[0])
    if len(path) > 1:
        for part in found or ():
            yield from _errors(part, path[1:])
    elif found:
        yield found


def _code_of(error: int) -> ErrorCode | None:
    try:
        return ErrorCode(error)
    except ValueError:
        return None


def _client_id(frame: memoryview) -> str | None:
    begin = _CLIENT_ID_SIZE + 2
    size = int.from_bytes(frame[_CLIENT_ID_SIZE:begin], "big", signed=True)
    return bytes(frame[begin : begin + size]).decode("utf-8", "replace") if size >= 0 else None
