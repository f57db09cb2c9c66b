"""One client's connection: frames in, answers out, in order.

    recv ─► frames ─► backlog ─► dispatcher ─► handler ─┬─► answer            ─► out ─► one write for all of a recv
                                                        └─► awaitable: parked ─► out, when it and all before it are done

A handler that answers at once costs no task and no future. One that returns an awaitable parks the connection: what
came after it waits in the backlog, and reading stops as soon as something is there. Produce alone pipelines, up to
`MAX_PIPELINED_REQUESTS`. A client that does not read its answers is not read from either (`MAX_UNSENT_BYTES`).
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import deque
from typing import TYPE_CHECKING, cast

from ottla.broker.prompt_answer import PromptAnswer
from ottla.broker.request_context import ClientConnection, RequestContext
from ottla.protocol.codec import encode_into
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError
from ottla.protocol.framing import FrameReader
from ottla.protocol.message import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.broker.authentication.sasl_entrance import SaslEntrance
    from ottla.broker.dispatcher import Dispatcher, Route
    from ottla.broker.request_counts import Timing
    from ottla.protocol.api_keys import ApiKey
    from ottla.protocol.types import Region
    from ottla.runtime.files import FileRegion
    from ottla.runtime.network import Piece, Transport
    from ottla.runtime.turn import Turn

MAX_PIPELINED_REQUESTS = 32
MAX_UNSENT_BYTES = 1024 * 1024  # more than this unsent, and no further request is served
FLUSH_BYTES = 256 * 1024  # answers of one recv are sent together up to this size
FEW_DUE = 8  # so many parked fetches are answered before the requests that woke them: more would delay these

_log = logging.getLogger(__name__)
_start_frame = struct.Struct(">ii").pack
_start_tagged_frame = struct.Struct(">iix").pack
_patch_size = struct.Struct(">i").pack_into


class _Pending:
    """An answer that is not there yet, or that waits for one before it."""

    __slots__ = ("correlation_id", "future", "response", "route")

    def __init__(self, route: Route, correlation_id: int) -> None:
        self.route = route
        self.correlation_id = correlation_id
        self.future: asyncio.Future[Response | None] | None = None
        self.response: Response | None = None


class Connection:
    """A `Receiver`. `closed` is told once, when the connection is gone."""

    __slots__ = (
        "_backlog",
        "_blocked",
        "_client",
        "_closed",
        "_dispatcher",
        "_ending",
        "_frames",
        "_listener_name",
        "_max_request_bytes",
        "_muted",
        "_on_closed",
        "_on_connected",
        "_out",
        "_parked",
        "_pending",
        "_regions",
        "_security_protocol",
        "_timings",
        "_transport",
        "_turn",
        "idle_sweeps",
    )

    _transport: Transport
    _client: ClientConnection

    def __init__(
        self,
        dispatcher: Dispatcher,
        listener_name: str,
        max_request_bytes: int,
        on_connected: Callable[[Connection], bool],
        on_closed: Callable[[Connection], None],
        turn: Turn,
        *,
        security_protocol: str = "PLAINTEXT",
        entrance: SaslEntrance | None = None,
        max_unknown_bytes: int = 0,
    ) -> None:
        """`entrance`: what stands before the dispatcher until the client is known; requests until then are bounded by
        `max_unknown_bytes`."""
        self._dispatcher: Dispatcher | SaslEntrance = entrance or dispatcher
        self._listener_name = listener_name
        self._security_protocol = security_protocol
        self._max_request_bytes = max_request_bytes
        self._frames = FrameReader(min(max_request_bytes, max_unknown_bytes) if entrance else max_request_bytes)
        if entrance is not None:
            entrance.begin(self)
        self._ending = False  # the next answers are the last ones
        self._on_connected = on_connected
        self._on_closed = on_closed
        self._turn = turn
        self._backlog: deque[memoryview] = deque()
        self._pending: deque[_Pending] = deque()
        self._parked = False  # a request is being waited for, or too many are
        self._blocked = False  # the client does not read its answers
        self._muted: asyncio.TimerHandle | None = None  # it has used more than its quota
        self._closed = False
        self._out = bytearray()
        self._regions: list[tuple[int, Region]] = []
        self._timings: list[Timing] = []  # of what is in `_out` and is timed: the client's
        self.idle_sweeps = 0

    @property
    def peer_host(self) -> str:
        return self._transport.peer_host

    @property
    def is_waiting(self) -> bool:
        """A request of this connection is parked: silence is not idleness."""
        return bool(self._pending)

    @property
    def client(self) -> ClientConnection:
        return self._client

    @property
    def queued(self) -> int:
        """Requests that have come and are not served yet."""
        return len(self._backlog)

    @property
    def waited_for(self) -> list[ApiKey]:
        """The APIs of the requests whose answers are not there yet."""
        return [entry.route.api_key for entry in self._pending if entry.future is not None]

    def close(self, *, abort: bool = False) -> None:
        self._transport.close(abort=abort)

    def identified(self, principal: str) -> None:
        """TLS says who the client is, before its first request."""
        self._client.principal = principal

    def _mute(self, wait_ms: int) -> None:
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        if self._muted is not None:
            if self._muted.when() >= loop.time() + wait_ms / 1000:
                return
            self._muted.cancel()
        self._muted = loop.call_later(wait_ms / 1000, self._unmute)
        self._parked = True
        self._transport.pause_reading()

    def _unmute(self) -> None:
        self._muted = None
        self._parked = self._is_waited_for()
        self._resume()

    def _is_waited_for(self) -> bool:
        return any(entry.future is not None and not entry.route.pipelines for entry in self._pending)

    # --- EnteringConnection

    def admit(self) -> None:
        self._frames.max_frame_bytes = self._max_request_bytes

    def send_bare(self, payload: bytes) -> None:
        self._out += len(payload).to_bytes(4, "big") + payload

    def close_after_answer(self) -> None:
        self._ending = True
        self._backlog.clear()

    # --- Receiver

    def connected(self, transport: Transport) -> None:
        self._transport = transport
        self._client = ClientConnection(
            client_host=transport.peer_host,
            client_port=transport.peer_port,
            listener=self._listener_name,
            security_protocol=self._security_protocol,
        )
        self._client.mute = self._mute
        self._timings = self._client.timings
        if not self._on_connected(self):
            transport.close(abort=True)

    def get_buffer(self) -> memoryview:
        try:
            return self._frames.get_buffer()
        except ProtocolError as error:
            self._refuse(error)
            return memoryview(bytearray(1))

    def buffer_updated(self, size: int) -> None:
        self.idle_sweeps = 0
        try:
            frames = self._frames.buffer_updated(size)
        except ProtocolError as error:
            self._refuse(error)
            return
        self._backlog.extend(frames)
        turn = self._turn
        turn.requests += len(frames)
        if not self._parked:
            turn.begin()
            try:
                self._serve_all()
                if turn.due > FEW_DUE:
                    self._flush()
            finally:
                turn.end()  # before the answers: a consumer need not wait until its producer has been told
            self._answers_out()
        if self._backlog:
            self._transport.pause_reading()
        elif self._frames.error is not None and not self._closed:
            self._refuse(self._frames.error)

    def drained(self) -> None:
        if self._blocked:
            self._blocked = False
            self._resume()

    def disconnected(self, error: OSError | None) -> None:
        self._closed = True
        if self._muted is not None:
            self._muted.cancel()
            self._muted = None
        self._backlog.clear()
        pending, self._pending = self._pending, deque()
        for entry in pending:
            if entry.future is not None:
                entry.future.cancel()
        for told in list(self._client.on_closed.values()):
            told()
        self._on_closed(self)

    def _is_closed(self) -> bool:
        return self._closed

    # --- serving

    def _resume(self) -> None:
        """Go on after something that was waited for; read again when all that came is served."""
        if not self._closed and not self._parked:
            self._serve_backlog()
        if not self._closed and not self._backlog and not self._blocked and self._muted is None:
            self._transport.resume_reading()

    def _serve_backlog(self) -> None:
        self._serve_all()
        self._answers_out()

    def _serve_all(self) -> None:
        backlog = self._backlog
        while backlog and not self._parked and not self._blocked and not self._closed:
            if self._pending or not self._serve_run():
                self._serve(backlog.popleft())
            if self._regions or len(self._out) > FLUSH_BYTES:
                self._flush()

    def _answers_out(self) -> None:
        self._flush()
        if self._ending and not self._pending and not self._closed:
            self._transport.close()

    def _serve_run(self) -> bool:
        """Serve produce requests that are alike together, if the backlog begins with such; whether it did."""
        runs = self._dispatcher.runs
        if runs is None or self._client.envelope is None:
            return False
        try:
            return runs.serve(self._backlog, self._client, self._out)
        except Exception:  # a mistake of ours
            _log.exception("produce requests of %s failed", self._transport.peer_host)
            self._transport.close(abort=True)
            return True

    def _serve(self, frame: memoryview) -> None:
        try:
            route, context, request = self._dispatcher.open(frame, self._client)
        except ProtocolError as error:
            self._refuse(error)
            return
        except Exception:  # a mistake of ours: without an answer the client would wait, so it is told by the close
            _log.exception("a request of %s cannot be opened", self._transport.peer_host)
            self._transport.close(abort=True)
            return
        try:
            answer = route.handler(context, request)
        except Exception as error:
            answer = self._failed(route, context, error)
            if answer is None:
                return
        timing = context.timing
        if timing is not None:
            timing.handled()
        if route.pipelines and self._dispatcher.runs is not None:
            self._dispatcher.runs.remember(frame, context, request)
        if answer is None:
            return
        if isinstance(answer, Response):
            if self._pending:
                entry = _Pending(route, context.correlation_id)
                entry.response = answer
                self._pending.append(entry)
            else:
                self._encode(route, context.correlation_id, answer)
            if timing is not None:
                timing.told(answer)
                self._timings.append(timing)
        else:
            self._park(route, context, answer)

    def _park(self, route: Route, context: RequestContext, answer: Awaitable[Response | None]) -> None:
        entry = _Pending(route, context.correlation_id)
        entry.future = future = asyncio.ensure_future(answer)
        self._pending.append(entry)
        self._parked = self._parked or not route.pipelines or len(self._pending) >= MAX_PIPELINED_REQUESTS
        if isinstance(future, PromptAnswer):
            future.heard = lambda done: self._answered(entry, context, done)
        else:
            future.add_done_callback(lambda done: self._answered(entry, context, done))

    def _answered(self, entry: _Pending, context: RequestContext, done: asyncio.Future[Response | None]) -> None:
        if self._is_closed():
            if not done.cancelled() and done.exception() is not None:
                _log.error("%r failed after its client had gone", context, exc_info=done.exception())
            return
        entry.future = None
        if context.timing is not None:
            context.timing.answered()
            self._timings.append(context.timing)
        try:
            entry.response = response = done.result()
            if context.timing is not None and response is not None:
                context.timing.told(response)
        except (Exception, asyncio.CancelledError) as error:
            entry.response = self._failed(entry.route, context, error)
            if self._is_closed():
                return
        pending = self._pending
        while pending and pending[0].future is None:
            first = pending.popleft()
            if first.response is not None:
                self._encode(first.route, first.correlation_id, first.response)
            if self._is_closed():
                return
        self._parked = self._muted is not None or self._is_waited_for()
        self._flush()
        if self._ending and not pending:
            self._transport.close()
            return
        self._resume()

    def _failed(self, route: Route, context: RequestContext, error: BaseException) -> Response | None:
        """What to answer when a handler raised. `None`: nothing can be said, and the connection was closed."""
        if isinstance(error, KafkaError):
            code = error.code
        else:
            code = ErrorCode.UNKNOWN_SERVER_ERROR
            _log.error("%r failed", context, exc_info=error)
        response = route.error_response(code)
        if response is None:
            self._transport.close(abort=True)
        return response

    def _refuse(self, error: ProtocolError) -> None:
        _log.info("closing the connection of %s: %s", self._transport.peer_host, error)
        self._flush()
        self._backlog.clear()
        self._transport.close()

    # --- writing

    def _encode(self, route: Route, correlation_id: int, response: Response) -> None:
        measure = route.counts.measure
        if measure is not None:
            measure.answered(response)
        out = self._out
        regions = self._regions
        start = len(out)
        region_count = len(regions)
        out += _start_tagged_frame(0, correlation_id) if route.response_tagged else _start_frame(0, correlation_id)
        try:
            encode_into(response, route.api_version, out, regions)
        except ProtocolError:
            del out[start:]
            _log.exception("an answer to %s v%d cannot be written", route.api_key.name, route.api_version)
            self._flush()
            self._transport.close()
            return
        size = len(out) - start - 4
        for _, region in regions[region_count:]:
            size += region.size
        _patch_size(out, start, size)

    def _flush(self) -> None:
        """Send what is encoded: the bytes, with the file regions where they belong."""
        out = self._out
        if not out or self._closed:
            return
        self._out = bytearray()
        pieces: list[Piece] = [out]
        if self._regions:
            pieces = []
            view = memoryview(out)
            start = 0
            for position, region in self._regions:
                pieces.append(view[start:position])
                pieces.append(cast("FileRegion", region))
                start = position
            pieces.append(view[start:])
            self._regions = []
        transport = self._transport
        transport.write(pieces)
        if self._timings:
            for timing in self._timings:
                timing.sent()
            self._timings.clear()
        if transport.pending_bytes > MAX_UNSENT_BYTES:
            self._blocked = True
            transport.pause_reading()
