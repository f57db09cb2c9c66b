"""The console as an ASGI application: who asks, from where, whether that is allowed, and what comes of it.

    Host ─► pages, or: who asks ─► route ─► forged? ─► role ─► read-only? ─► handler ─► audit log ─► answer

A request that only reads ends when the browser goes away; one that changes something is finished.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from ottla.console.web.access.audit import DONE, FAILED, REFUSED, AuditEntry, now_ms
from ottla.console.web.access.permissions import Identity
from ottla.console.web.access.sessions import cookies_of
from ottla.console.web.assets import SAFETY_HEADERS, Assets
from ottla.console.web.console import OPEN
from ottla.console.web.context import Context
from ottla.console.web.message import EVENT_STREAM, ApiError, Request, Response, bad_request, not_found
from ottla.console.web.origin import Origin, csrf_refused, session_cookie_name
from ottla.console.web.refusals import api_error
from ottla.console.web.routes import ROUTES, Route
from ottla.runtime.http_basic import basic_credentials
from ottla.runtime.http_request import (
    BodyTooLargeError,
    headers_of,
    match_path,
    path_of,
    query_of,
    query_text,
    read_body,
    segments_of,
)
from ottla.runtime.tracing.tracing import name_request

if TYPE_CHECKING:
    from ottla.console.web.cluster import Cluster
    from ottla.console.web.console import Console
    from ottla.console.web.message import Stream
    from ottla.runtime.http_request import Receive, Scope, Send

_log = logging.getLogger(__name__)

REQUEST_TIMEOUT_S: Final = 90.0
BODY_TIMEOUT_S: Final = 30.0
_NOT_OF_BROKERS: Final = ("subject", "connector")
"""What is asked of others than the brokers."""
NOBODY: Final = Identity(None, (), "nobody")
_SAFE_METHODS: Final = ("GET", "HEAD")
_CSRF_HEADER: Final = "x-ottla-csrf"


class Application:
    def __init__(self, console: Console, origin: Origin, assets: Assets | None = None) -> None:
        self._console = console
        self._origin = origin
        self._assets = Assets() if assets is None else assets
        self._changing: set[asyncio.Task[Response]] = set()
        """What goes on although nobody waits for it any more."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = _request(scope, self._console.settings.trusted_proxies)
        try:
            with self._console.requests:
                response = await self._answer(request, receive)
        except Exception as error:
            response = _refused(error, request)
        try:
            await _respond(send, receive, response, without_body=request.method == "HEAD")
        finally:
            if response.stream is not None:
                await response.stream.aclose()

    async def _answer(self, request: Request, receive: Receive) -> Response:
        self._origin.check_host(request)
        first = request.segments[0] if request.segments else ""
        if first not in ("api", "v1"):
            return self._page(request)
        route = _find(request)
        request.check_query(route.query)
        identity = await self._identify(request)
        self._check_forged(request, route, identity)
        context = Context(self._console, request, identity)
        outcome, told = DONE, None
        try:
            return await self._handle(route, context, receive)
        except BaseException as error:
            refusal = api_error(error) if isinstance(error, Exception) else None
            outcome = REFUSED if refusal is not None and refusal.status in (401, 403, 429) else FAILED
            told = str(error) or type(error).__name__
            raise
        finally:
            if route.audited:
                self._audit(route, context, outcome, told)

    async def _handle(self, route: Route, context: Context, receive: Receive) -> Response:
        request = context.request
        if not route.public:
            if context.identity is NOBODY:
                raise ApiError(401, "UNAUTHENTICATED", "nobody is signed in", "sign in first")
            if route.of_cluster:
                context.of = self._cluster(context)
            if route.resource is not None:
                name = request.parameters.get(route.name) if route.name else None
                context.resource_name = context.resource_name or name
                if context.of is not None:
                    context.require(route.resource, route.action, name)
                elif not context.identity.may_somewhere(route.resource, route.action):
                    raise ApiError(403, "FORBIDDEN", f"you may not {route.action} {route.resource}")
            if route.changes:
                context.require_writable()
        if request.method not in _SAFE_METHODS:
            try:
                async with asyncio.timeout(BODY_TIMEOUT_S):
                    request.body = await read_body(receive)
            except BodyTooLargeError as error:
                raise ApiError(413, "TOO_LARGE", str(error)) from None
        if context.of is not None and context.of.sampler.failure and route.resource not in _NOT_OF_BROKERS:
            await context.client.any_connection()  # says at once that there is none
        return await self._run(route, context, receive)

    async def _run(self, route: Route, context: Context, receive: Receive) -> Response:
        work = asyncio.ensure_future(route.handler(context))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            done, _ = await asyncio.wait({work, gone}, timeout=REQUEST_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
            if work in done:
                return work.result()
            if route.changes:
                self._changing.add(work)
                work.add_done_callback(self._finished)
            else:
                work.cancel()
                await asyncio.wait({work})
            if gone in done:
                raise ApiError(499, "GONE", "whoever asked is gone")
            raise ApiError(504, "TIMED_OUT", f"no answer within {REQUEST_TIMEOUT_S:g} s", "ask for less")
        except asyncio.CancelledError:
            work.cancel()
            raise
        finally:
            gone.cancel()

    def _finished(self, work: asyncio.Task[Response]) -> None:
        self._changing.discard(work)
        if not work.cancelled() and (error := work.exception()) is not None:
            _log.warning("A request that nobody waited for failed: %s", error)

    def _page(self, request: Request) -> Response:
        if request.method not in _SAFE_METHODS:
            raise not_found(f"nothing is done at {request.path}")
        response = self._assets.answer(request)
        if response is None:
            raise not_found(f"there is no file {request.path}")
        return response

    async def _identify(self, request: Request) -> Identity:
        if not self._console.settings.needs_sign_in:
            return OPEN
        authorization = request.headers.get("authorization")
        if authorization is not None:
            return await self._basic(authorization, request.address)
        cookie = cookies_of(request.headers.get("cookie", "")).get(session_cookie_name(self._origin.port))
        session = None if cookie is None else self._console.sessions.read(cookie, now_ms())
        if session is None:
            return NOBODY
        return await self._console.current_identity(session, request.address) or NOBODY

    async def _basic(self, authorization: str, address: str) -> Identity:
        """A name and password with the request itself, as scripts do."""
        credentials = basic_credentials(authorization)
        if credentials is not None and await self._console.password_fits(*credentials, address):
            return self._console.user_identity(credentials[0])
        raise ApiError(401, "UNAUTHENTICATED", "a name and password are wanted that the console knows")

    def _check_forged(self, request: Request, route: Route, identity: Identity) -> None:
        """A page of another site can make a browser send a request, but not with our header, nor from our origin."""
        if request.method in _SAFE_METHODS:
            if route.navigated:
                return
            if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
                raise csrf_refused("this request was made by a page of another site")
            return
        self._origin.check_same(request)
        if route.public and route.method == "POST":
            return
        if identity.method in ("basic", "nobody"):
            return
        token = request.headers.get(_CSRF_HEADER, "")
        if not self._console.sessions.csrf_fits(identity.session, token):
            raise csrf_refused("the header X-Ottla-Csrf is missing, or of another session")

    def _cluster(self, context: Context) -> Cluster:
        request = context.request
        name = request.parameters.get("cluster") or request.text("cluster")
        if name is None and len(self._console.clusters) == 1:
            name = next(iter(self._console.clusters))
        if name is None:
            raise bad_request("the parameter 'cluster' is missing", "GET /api/clusters lists those that you may see")
        found = self._console.clusters.get(name)
        if found is None or not context.identity.permissions(name):
            raise not_found(f"there is no cluster '{name}'", "GET /api/clusters lists those that you may see")
        return found

    def _audit(self, route: Route, context: Context, outcome: str, error: str | None) -> None:
        identity, request = context.identity, context.request
        cluster = context.of.name if context.of is not None else request.parameters.get("cluster")
        action = f"{route.resource}.{route.action}" if route.resource is not None else route.action
        entry = AuditEntry(
            now_ms(),
            identity.user,
            identity.role_names,
            request.address,
            cluster,
            action,
            context.resource_name or request.parameters.get(route.name or "") or None,
            {"request": f"{request.method} {request.path}", **context.details},
            outcome,
            None if error is None else error[:500],
        )
        try:
            self._console.audit.write(entry)
        except OSError as failure:
            _log.error("The audit log cannot be written (%s): %s", failure, entry.line())


def _request(scope: Scope, trusted: tuple[str, ...]) -> Request:
    headers = headers_of(scope)
    path = path_of(scope)
    client = scope.get("client")
    address, scheme = (client[0] if client else ""), scope.get("scheme", "http")
    if address in trusted:
        address = headers.get("x-forwarded-for", address).rpartition(",")[2].strip() or address
        scheme = headers.get("x-forwarded-proto", scheme)
    return Request(
        scope["method"], path, segments_of(path), query_of(query_text(scope)), headers, address[:100], scheme
    )


def _find(request: Request) -> Route:
    method = "GET" if request.method == "HEAD" else request.method
    others: list[str] = []
    for route in ROUTES:
        parameters = match_path(route.path, request.segments)
        if parameters is None:
            continue
        if route.method == method:
            request.parameters = parameters
            name_request(request.method, route.path)
            return route
        others.append(route.method)
    if others:
        raise ApiError(405, "BAD_REQUEST", f"{request.path} takes {', '.join(others)}, not {request.method}")
    raise not_found(f"there is no route {request.path}")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _refused(error: Exception, request: Request) -> Response:
    refusal = api_error(error)
    if refusal is None:
        _log.exception("%s %s", request.method, request.path, exc_info=error)
        refusal = ApiError(500, "INTERNAL", "something is wrong in the console itself", "its log says what")
    return Response(refusal.body(), refusal.status)


async def _respond(send: Send, receive: Receive, response: Response, *, without_body: bool) -> None:
    headers = [*SAFETY_HEADERS, *response.headers]
    if not any(name == "Cache-Control" for name, _ in headers):
        headers.append(("Cache-Control", "no-store"))
    body = response.encoded()
    if response.stream is not None or body:
        headers.append(("Content-Type", response.content_type))
    if response.stream is None and response.status not in (204, 304):
        headers.append(("Content-Length", str(len(body))))
    if response.content_type == EVENT_STREAM:
        headers.append(("X-Accel-Buffering", "no"))
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    if response.stream is None or without_body:
        await send({"type": "http.response.body", "body": b"" if without_body else body})
        return
    await _stream(send, receive, response.stream)


async def _stream(send: Send, receive: Receive, stream: Stream) -> None:
    """Until it ends, or whoever reads it is gone."""

    async def pump() -> None:
        async for chunk in stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    pumping = asyncio.ensure_future(pump())
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({pumping, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        pumping.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await pumping
