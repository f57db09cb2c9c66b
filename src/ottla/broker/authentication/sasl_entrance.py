"""The way in through a listener with SASL: until a client has said who it is, nothing else is served.

    ApiVersions*, SaslHandshake(mechanism) ─► SaslAuthenticate(token)… ─► every request
                                       v0  ─► bare tokens, each behind its size ─┘

A client that fails is answered after `connection.failed.authentication.delay.ms`, and then cut off. A session that ends
(`connections.max.reauth.ms`, or the credential's own end) lets in SaslHandshake only; the principal may not change.
KIP-12, 43, 152, 368; Kafka's `SaslServerAuthenticator`.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

from ottla.broker.dispatcher import Dispatcher, Route
from ottla.broker.request_context import ClientConnection, RequestContext
from ottla.broker.request_counts import RequestCounts
from ottla.protocol.api.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.api.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.sasl.exchange import MAX_TOKEN_BYTES, SaslError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ottla.broker.authentication.mechanisms import ListenerMechanisms
    from ottla.protocol.message import Response
    from ottla.protocol.sasl.exchange import Identity, ServerExchange
    from ottla.runtime.time import Clock, Timers

MAX_EXCHANGE_TOKENS = 8  # no mechanism needs more than three
MIN_HANDSHAKE_WITH_REQUESTS = 1  # from here on tokens travel in SaslAuthenticate

_log = logging.getLogger(__name__)


class EnteringConnection(Protocol):
    """What the entrance does to the connection behind it."""

    def admit(self) -> None:
        """The client is who it says: larger requests are read from now on."""
        ...

    def send_bare(self, payload: bytes) -> None:
        """A frame without a header."""
        ...

    def close_after_answer(self) -> None:
        """Serve nothing more, send what is there, and close."""
        ...


class _State(Enum):
    HANDSHAKE = auto()
    AUTHENTICATE = auto()
    BARE_TOKENS = auto()
    DONE = auto()
    FAILED = auto()


class SaslEntrance:
    """One connection's. `open` stands where the dispatcher's stands, and is it, once the client is in."""

    runs = None  # every request is looked at: the session may have expired

    def __init__(
        self,
        dispatcher: Dispatcher,
        mechanisms: ListenerMechanisms,
        clock: Clock,
        timers: Timers,
        failed_delay_ms: int,
    ) -> None:
        self._dispatcher = dispatcher
        self._mechanisms = mechanisms
        self._clock = clock
        self._timers = timers
        self._failed_delay_ms = failed_delay_ms
        self._state = _State.HANDSHAKE
        self._mechanism = ""
        self._principal: str | None = None
        self._exchange: ServerExchange
        self._tokens = 0
        self._expires_ms: float | None = None  # monotonic
        self._connection: EnteringConnection

    def begin(self, connection: EnteringConnection) -> None:
        self._connection = connection

    def open(self, frame: memoryview, client: ClientConnection) -> tuple[Route, RequestContext, Any]:
        """As `Dispatcher.open`. `ProtocolError`: this is not the time for such a request."""
        state = self._state
        if state is _State.BARE_TOKENS:
            route = Route(ApiKey.SASL_AUTHENTICATE, 0, self._bare_token, RequestCounts(ApiKey.SASL_AUTHENTICATE, 0))
            return route, RequestContext(route.api_key, 0, 0, None, client), bytes(frame)
        key = int.from_bytes(frame[:2], "big", signed=True)
        if state is _State.DONE:
            return self._open_session(frame, client, key)
        if state is _State.HANDSHAKE and key == ApiKey.SASL_HANDSHAKE:
            return self._open_with(frame, client, self._handshake)
        if state is _State.HANDSHAKE and key == ApiKey.API_VERSIONS:
            return self._dispatcher.open(frame, client)
        if state is _State.AUTHENTICATE:
            if key == ApiKey.SASL_AUTHENTICATE:
                return self._open_with(frame, client, self._authenticate)
            return self._open_out_of_turn(frame, client)
        raise ProtocolError(f"API {key} is not served before authentication")

    def _open_session(self, frame: memoryview, client: ClientConnection, key: int) -> tuple[Route, RequestContext, Any]:
        expires_ms = self._expires_ms
        if expires_ms is not None:
            if key == ApiKey.SASL_HANDSHAKE:
                return self._open_with(frame, client, self._handshake)
            if self._clock.monotonic_ms() >= expires_ms:
                raise ProtocolError("the session has expired, and the client did not authenticate again")
        return self._dispatcher.open(frame, client)

    def _open_with(
        self, frame: memoryview, client: ClientConnection, handler: Any
    ) -> tuple[Route, RequestContext, Any]:
        route, context, request = self._dispatcher.open(frame, client)
        return Route(route.api_key, route.api_version, handler, route.counts), context, request

    def _open_out_of_turn(self, frame: memoryview, client: ClientConnection) -> tuple[Route, RequestContext, Any]:
        """A request where a token should come: answered where the answer can say so, and the last one in any case."""
        route, context, request = self._dispatcher.open(frame, client)
        response = route.error_response(ErrorCode.ILLEGAL_SASL_STATE)
        if response is None:
            raise ProtocolError(f"API {route.api_key.name} is not served during authentication")
        return (
            Route(route.api_key, route.api_version, lambda *_: self._fail(context, response), route.counts),
            context,
            request,
        )

    # --- the steps

    def _handshake(
        self, context: RequestContext, request: SaslHandshakeRequest
    ) -> SaslHandshakeResponse | Awaitable[Response]:
        mechanism = request.mechanism
        names = list(self._mechanisms.names)
        if mechanism not in names:
            return self._fail(
                context, SaslHandshakeResponse(error_code=ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms=names)
            )
        if self._principal is not None and mechanism != self._mechanism:
            self._state = _State.FAILED  # as in Kafka, which says so to nobody: the next request is the last
            return SaslHandshakeResponse(error_code=ErrorCode.NONE, mechanisms=names)
        self._mechanism = mechanism
        self._exchange = self._mechanisms.make(mechanism)
        self._tokens = 0
        with_requests = context.api_version >= MIN_HANDSHAKE_WITH_REQUESTS
        self._state = _State.AUTHENTICATE if with_requests else _State.BARE_TOKENS
        return SaslHandshakeResponse(error_code=ErrorCode.NONE, mechanisms=names)

    def _authenticate(
        self, context: RequestContext, request: SaslAuthenticateRequest
    ) -> SaslAuthenticateResponse | Awaitable[Response]:
        try:
            token, lifetime_ms = self._next(context, request.auth_bytes)
        except SaslError as error:
            return self._fail(
                context,
                SaslAuthenticateResponse(
                    error_code=ErrorCode.SASL_AUTHENTICATION_FAILED, error_message=str(error), auth_bytes=b""
                ),
            )
        return SaslAuthenticateResponse(
            error_code=ErrorCode.NONE, error_message="", auth_bytes=token, session_lifetime_ms=lifetime_ms
        )

    def _bare_token(self, context: RequestContext, token: bytes) -> Awaitable[None] | None:
        try:
            answer, _ = self._next(context, token)
        except SaslError:
            return self._fail_silently(context)
        self._connection.send_bare(answer)
        return None

    def _next(self, context: RequestContext, token: bytes) -> tuple[bytes, int]:
        """(what to answer, how long the session will last: 0 if it does not end or has not begun)."""
        self._tokens += 1
        if self._tokens > MAX_EXCHANGE_TOKENS or len(token) > MAX_TOKEN_BYTES:
            raise SaslError("Authentication failed: too much was said")
        answer = self._exchange.next(token)
        identity = self._exchange.identity
        return answer, 0 if identity is None else self._complete(context.connection, identity)

    def _complete(self, client: ClientConnection, identity: Identity) -> int:
        """The client is in; the session's life time in milliseconds, 0 for the connection's."""
        principal = identity.principal
        if self._principal not in (None, principal):
            raise SaslError("Cannot change principals during re-authentication")
        lifetime_ms = self._mechanisms.max_reauth_ms(self._mechanism)
        ends = lifetime_ms > 0 or identity.expires_ms is not None
        if identity.expires_ms is not None:
            left_ms = identity.expires_ms - self._clock.now_ms()
            if left_ms <= 0 and identity.token_authenticated:
                raise SaslError("Authentication failed: the credential has expired")
            left_ms = max(0, left_ms)  # within the clock's skew: believed, and asked again with the next request
            lifetime_ms = min(lifetime_ms, left_ms) if lifetime_ms > 0 else left_ms
        first = self._principal is None
        self._principal = client.principal = principal
        client.token_authenticated = identity.token_authenticated
        self._expires_ms = self._clock.monotonic_ms() + lifetime_ms if ends else None
        self._state = _State.DONE
        if first:
            self._connection.admit()
        return lifetime_ms

    # --- failing

    async def _fail(self, context: RequestContext, response: Response) -> Response:
        """Answer later, and be done with the client."""
        await self._fail_silently(context)
        return response

    async def _fail_silently(self, context: RequestContext) -> None:
        self._state = _State.FAILED
        _log.info("authentication with %s failed: %s", self._mechanism or "no mechanism", context.client_host)
        if self._failed_delay_ms:
            over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            timer = self._timers.call_later(
                self._failed_delay_ms, lambda: None if over.done() else over.set_result(None)
            )
            try:
                await over
            finally:
                timer.cancel()
        self._connection.close_after_answer()
