"""The REST API as an ASGI application: finds the route, answers, and says what went wrong as Kafka Connect does."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from ottla.connect.api.errors import AlreadyExistsError, ConnectError, NotFoundError
from ottla.connect.rest.message import JSON, Request, Response
from ottla.connect.rest.response_headers import add_response_headers
from ottla.connect.runtime.rest_error import NotLeaderError, RebalanceNeededError, RestError
from ottla.runtime.http_client import HttpClient, HttpError
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
    import ssl
    from collections.abc import Sequence

    from ottla.connect.rest.cross_origin import CrossOrigin
    from ottla.connect.rest.response_headers import ResponseHeader
    from ottla.connect.rest.routes import Route
    from ottla.connect.runtime.herder import Herder
    from ottla.runtime.http_request import Receive, Scope, Send

_log = logging.getLogger(__name__)

REQUEST_TIMEOUT_S: Final = 90.0
"""After which who asked is not kept waiting; what was begun goes on."""
_FORWARDED_HEADERS: Final = (
    "authorization",
    "content-type",
    "accept",
    "x-connect-authorization",
    "x-connect-request-signature-algorithm",
)
_REASONS: Final = {
    404: "HTTP 404 Not Found",
    405: "HTTP 405 Method Not Allowed",
    406: "HTTP 406 Not Acceptable",
    415: "HTTP 415 Unsupported Media Type",
}
_WITH_BODY: Final = ("POST", "PUT", "PATCH")


class Application:
    """`herder` is set when the worker has one; until then every request is answered with 404, as by Kafka Connect."""

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        cross_origin: CrossOrigin | None = None,
        response_headers: list[ResponseHeader] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` is for requests to other workers."""
        self.herder: Herder | None = None
        self._routes = routes
        self._cross_origin = cross_origin
        self._response_headers = response_headers or []
        self._tls = tls
        self._running: set[asyncio.Task[Response]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = headers_of(scope)
        try:
            response = await self._answer(await _request(scope, receive, headers))
        except Exception as error:
            response = _refusal(error, scope)
        if self._cross_origin is not None:
            response.headers |= self._cross_origin.headers(scope["method"], headers)
        await _respond(send, response, self._response_headers, without_body=scope["method"] == "HEAD")

    async def _answer(self, request: Request) -> Response:
        herder = self.herder
        if herder is None:
            raise _plain(404)
        if request.method == "OPTIONS":
            return _options(self._routes, request)
        route = _find(self._routes, request)
        if not _accepts_json(request.headers.get("accept")):
            raise _plain(406)
        kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if request.body and request.method in _WITH_BODY and kind != JSON:
            raise _plain(415)
        work = asyncio.ensure_future(route.handler(herder, request))
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        try:
            return await asyncio.wait_for(asyncio.shield(work), REQUEST_TIMEOUT_S)
        except TimeoutError:
            raise RestError(500, "Request timed out") from None
        except NotLeaderError as error:
            return await _forward(request, error.url, self._tls)
        except RebalanceNeededError:
            raise RestError(
                409,
                "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent "
                "config change)",
            ) from None


async def _forward(request: Request, url: str | None, tls: ssl.SSLContext | None) -> Response:
    """To the worker that can; from there once more, if need be, and no further."""
    if request.forward is False:
        raise RestError(409, "Cannot complete request because of a conflicting operation (e.g. worker rebalance)")
    if url is None:
        text = "no known leader URL, likely because a rebalance was underway."
        raise RestError(409, f"Cannot complete request momentarily due to {text}")
    query = [(name, value) for name, values in request.query.items() if name != "forward" for value in values]
    query.append(("forward", "true" if request.forward is None else "false"))
    headers = {name: request.headers[name] for name in _FORWARDED_HEADERS if name in request.headers}
    client = HttpClient(url, tls=tls)
    try:
        answer = await client.send(
            request.method,
            f"{request.path}?{urlencode(query)}",
            request.body or None,
            headers,
            timeout_s=REQUEST_TIMEOUT_S,
        )
    except HttpError as error:
        raise RestError(500, f"IO Error trying to forward REST request: {error}") from error
    finally:
        client.close()
    body = json.loads(answer.body) if answer.body else None
    response = Response(body, answer.status)
    if answer.status == 201 and "location" in answer.headers:
        response.headers["location"] = request.base_url + urlsplit(answer.headers["location"]).path
    return response


def _plain(status: int) -> RestError:
    return RestError(status, _REASONS[status])


def _refusal(error: Exception, scope: Scope) -> Response:
    match error:
        case RestError():
            return Response({"error_code": error.error_code, "message": str(error)}, error.status)
        case NotFoundError():
            status = 404
        case AlreadyExistsError():
            status = 409
        case ConnectError():
            status = 500
            _log.error("%s %s: %s", scope["method"], scope["path"], error)
        case _:
            status = 500
            _log.exception("%s %s", scope["method"], scope["path"])
    return Response({"error_code": status, "message": str(error)}, status)


async def _request(scope: Scope, receive: Receive, headers: dict[str, str]) -> Request:
    try:
        body = await read_body(receive)
    except BodyTooLargeError as error:
        raise RestError(413, str(error)) from None
    path = path_of(scope)
    return Request(
        scope["method"],
        path,
        segments_of(path),
        query_of(query_text(scope)),
        headers,
        body,
        f"{scope.get('scheme', 'http')}://{headers.get('host', '')}",
    )


def _find(routes: Sequence[Route], request: Request) -> Route:
    method = "GET" if request.method == "HEAD" else request.method
    is_there = False
    for route in routes:
        parameters = match_path(route.path, request.segments)
        if parameters is None:
            continue
        if route.method == method:
            request.parameters = parameters
            name_request(request.method, route.path)
            return route
        is_there = True
    raise _plain(405 if is_there else 404)


def _options(routes: Sequence[Route], request: Request) -> Response:
    methods = [route.method for route in routes if match_path(route.path, request.segments) is not None]
    if not methods:
        raise _plain(404)
    allowed = [*(["HEAD"] if "GET" in methods else []), *methods, "OPTIONS"]
    return Response(", ".join(allowed), 200, {"allow": ",".join(allowed), "content-type": "text/plain"})


def _accepts_json(accept: str | None) -> bool:
    if not accept:
        return True
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return any(kind in (JSON, "application/*", "*/*") for kind in kinds)


async def _respond(send: Send, response: Response, added: list[ResponseHeader], *, without_body: bool) -> None:
    body = b""
    if "content-type" in response.headers:
        body = str(response.body).encode()
    elif response.body is not None and response.status != 204:
        body = json.dumps(response.body, separators=(",", ":"), ensure_ascii=False).encode()
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    if body and "content-type" not in response.headers:
        headers.append((b"content-type", JSON.encode()))
    if response.status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    headers = add_response_headers(added, headers)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if without_body else body})
