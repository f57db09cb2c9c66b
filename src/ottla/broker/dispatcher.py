"""From a frame's first bytes to the handler: one route for each (API, version) that the table serves.

    request frame    api_key int16 | api_version int16 | correlation_id int32 | client_id int16 length + UTF-8
                     | tagged fields (header version 2) | body
    response frame   size int32 | correlation_id int32 | tagged fields (header version 1) | body

Request header 2 and response header 1 belong to the flexible versions of an API (KIP-482); the answer to ApiVersions
always has header 0, so that a client may guess its version (KIP-511).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from ottla.broker.request_context import ClientConnection, Handler, RequestContext
from ottla.broker.request_counts import RequestCounts
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.codec import decoder, metered_decoder
from ottla.protocol.errors import ErrorCode, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.broker.produce_runs import ProduceRuns
    from ottla.broker.request_counts import Measure
    from ottla.protocol.message import Response

_read_header = struct.Struct(">hhih").unpack_from
_HEADER_BYTES = 10
LARGE_REQUEST_BYTES = 256 * 1024
"""What a larger request makes is counted (`codec.MAX_ELEMENTS`); a smaller one cannot make much."""
MAX_HEADER_TAGS = 64  # Kafka has none yet; a client that sends more is not one


class Route:
    """How one version of one API is read, answered and written."""

    __slots__ = (
        "api_key",
        "api_version",
        "counts",
        "decode",
        "handler",
        "pipelines",
        "request_tagged",
        "response",
        "response_tagged",
    )

    def __init__(self, api_key: ApiKey, api_version: int, handler: Handler, counts: RequestCounts) -> None:
        api = API[api_key]
        self.counts = counts
        self.api_key = api_key
        self.api_version = api_version
        self.handler = handler
        self.decode = decoder(api.request, api_version)
        self.response: type[Response] = api.response
        self.request_tagged = api_version in api.flexible_versions
        self.response_tagged = self.request_tagged and api_key is not ApiKey.API_VERSIONS
        self.pipelines = api_key is ApiKey.PRODUCE

    def error_response(self, code: ErrorCode) -> Response | None:
        """The answer that says only `code`; `None` where the API has no place for an error of the whole request."""
        if not any(field.name == "error_code" and self.api_version in field.versions for field in self.response.schema):
            return None
        fields: dict[str, Any] = {"error_code": code}
        return self.response(**fields)


class Dispatcher:
    """The routes of a node, made as they are first asked for, and so are the handlers."""

    def __init__(self, table: Mapping[ApiKey, Callable[[], Handler]]) -> None:
        self._table = table
        self.runs: ProduceRuns | None = None
        """What may serve produce requests together, if anything may."""
        self._runs: ProduceRuns | None = None
        self._handlers: dict[ApiKey, Handler] = {}
        self._routes: dict[tuple[int, int], Route] = {}
        self.counts: dict[tuple[ApiKey, int], RequestCounts] = {}
        """Of what was asked so far, by version; they outlive the routes."""
        self._measure_of: Callable[[ApiKey, int], Measure] | None = None
        self._around: Callable[[ApiKey, Handler], Handler] | None = None

    def serve(self, table: Mapping[ApiKey, Callable[[], Handler]]) -> None:
        """Before the first request: what was not known when the listeners were opened."""
        self._table = table

    def serve_runs(self, runs: ProduceRuns) -> None:
        runs.counts_of = self._counts_of
        self._runs = runs
        self.runs = runs if self._around is None else None

    def put_around(self, around: Callable[[ApiKey, Handler], Handler] | None) -> None:
        """What stands around every handler from the next request on; `None`: nothing does."""
        self._around = around
        self.runs = self._runs if around is None else None
        self._routes.clear()

    def measure(self, measure_of: Callable[[ApiKey, int], Measure]) -> None:
        """From now on somebody wants to know how long requests take, and what errors they are answered with."""
        self._measure_of = measure_of
        for (key, version), counts in self.counts.items():
            counts.watch(measure_of(key, version))

    def _counts_of(self, key: ApiKey, version: int) -> RequestCounts:
        counts = self.counts.get((key, version))
        if counts is None:
            counts = self.counts[(key, version)] = RequestCounts(key, version)
            if self._measure_of is not None:
                counts.watch(self._measure_of(key, version))
        return counts

    def warm_up(self) -> bool:
        """Make one more handler, before somebody waits for it; whether there are more to make."""
        missing = self._table.keys() - self._handlers.keys()
        if missing:
            self._handler(min(missing))
        return len(missing) > 1

    def _handler(self, key: ApiKey) -> Handler:
        """`KeyError` for an API that is not served."""
        handler = self._handlers.get(key)
        if handler is None:
            handler = self._handlers[key] = self._table[key]()
        return handler if self._around is None else self._around(key, handler)

    def open(self, frame: memoryview, connection: ClientConnection) -> tuple[Route, RequestContext, Any]:
        """The route, the context and the decoded request of a frame.

        `ProtocolError` when the frame is malformed or nothing here serves it: as in Apache Kafka, there is no answer
        that the client could be sure to read, and the connection is closed. A version of ApiVersions that is not
        served is the exception: it is read as version 0, which has no fields, and its handler answers as version 0.
        """
        if len(frame) < _HEADER_BYTES:
            raise ProtocolError(f"a request of {len(frame)} bytes is shorter than its header")
        api_key, api_version, correlation_id, client_id_size = _read_header(frame, 0)
        route = self._routes.get((api_key, api_version)) or self._make_route(api_key, api_version)
        position = _HEADER_BYTES
        client_id: str | None = None
        if client_id_size >= 0:
            position += client_id_size
            client_id_bytes = bytes(frame[_HEADER_BYTES:position])
            if len(client_id_bytes) != client_id_size:
                raise ProtocolError("the client id is longer than its request")
            try:
                client_id = client_id_bytes.decode()
            except UnicodeDecodeError as error:
                raise ProtocolError("the client id is not UTF-8") from error
        context = RequestContext(api_key, api_version, correlation_id, client_id, connection)
        counts = route.counts
        counts.single += 1
        if counts.single > counts.time_at:
            context.timing = counts.begin(frame, connection)
        if api_version != route.api_version:  # ApiVersions of the future
            return route, context, route.decode(frame[:0], 0)[0]
        if route.request_tagged:
            position = _skip_tags(frame, position)
        if len(frame) > LARGE_REQUEST_BYTES:
            return route, context, metered_decoder(API[route.api_key].request, api_version)(frame, position)[0]
        return route, context, route.decode(frame, position)[0]

    def _make_route(self, api_key: int, api_version: int) -> Route:
        if api_key not in self._table:
            raise ProtocolError(f"API {api_key} is not served")
        key = ApiKey(api_key)
        if api_version not in API[key].stable_versions:
            if key is not ApiKey.API_VERSIONS:
                raise ProtocolError(f"{key.name} version {api_version} is not served")
            # Not kept: a stranger could fill the table with versions.
            return Route(key, 0, self._handler(key), self._counts_of(key, 0))
        route = self._routes[(api_key, api_version)] = Route(
            key, api_version, self._handler(key), self._counts_of(key, api_version)
        )
        return route


def _skip_tags(frame: memoryview, position: int) -> int:
    """The position after the header's tagged fields, of which no one is known yet."""
    try:
        if frame[position] == 0:  # what every client sends
            return position + 1
        count, position = _read_unsigned_varint(frame, position)
        if count > MAX_HEADER_TAGS:
            raise ProtocolError(f"a request header with {count} tagged fields")
        for _ in range(count):
            _, position = _read_unsigned_varint(frame, position)
            size, position = _read_unsigned_varint(frame, position)
            position += size
            if position > len(frame):
                break
    except IndexError:
        position = len(frame) + 1
    if position > len(frame):
        raise ProtocolError("the request ends within its header")
    return position


def _read_unsigned_varint(frame: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        byte = frame[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ProtocolError("a varint of more than 5 bytes")
