"""The REST API as an ASGI application: finds the route, who asks, and whether this instance or the leader answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ottla.registry.errors import FORWARDING_FAILED, UNKNOWN_LEADER, RegistryError, invalid_schema
from ottla.registry.metrics import RequestCounts
from ottla.registry.rest.access import UNAUTHORIZED
from ottla.registry.rest.message import (
    FORWARDED,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
    Request,
    Response,
    accepted_type,
    is_taken,
)
from ottla.registry.rest.place import resolve_alias, resolve_context
from ottla.registry.rest.routes import ROUTES, Route
from ottla.registry.rest.service import Service
from ottla.registry.schema.compact_json import compact_json
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

    from ottla.registry.registry import Registry
    from ottla.runtime.http_request import Receive, Scope, Send

_log = logging.getLogger(__name__)

TOO_LARGE: Final = 413
METHOD_NOT_ALLOWED: Final = 405
INTERNAL_ERROR: Final = 500
_FORWARDED_HEADERS: Final = ("authorization", "content-type", "accept")


class Application:
    def __init__(self, registry: Registry, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: how a leader is asked whose URL is https."""
        self._registry = registry
        self._tls = tls
        self._service = Service(registry)
        self._leader: HttpClient | None = None
        self.requests = RequestCounts()

    def close(self) -> None:
        if self._leader is not None:
            self._leader.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = headers_of(scope)
        content_type = accepted_type(headers.get("accept"))
        try:
            if content_type is None:
                raise RegistryError(NOT_ACCEPTABLE, "HTTP 406 Not Acceptable")
            response = await self._answer(await _request(scope, receive, headers))
        except RegistryError as error:
            response = Response(error.body, error.status)
            if error.status == UNAUTHORIZED:
                response.headers["www-authenticate"] = 'Basic realm="ottla registry"'
        except RecursionError:
            refusal = invalid_schema("The schema is nested too deeply")
            response = Response(refusal.body, refusal.status)
        except Exception:
            _log.exception("%s %s", scope["method"], scope["path"])
            response = Response({"error_code": INTERNAL_ERROR, "message": "Internal Server Error"}, INTERNAL_ERROR)
        self.requests.count(scope["method"], response.status)
        await _respond(send, response, content_type)

    async def _answer(self, request: Request) -> Response:
        access = self._registry.settings.access
        if access is not None:
            request.user = access.authenticate(request.headers.get("authorization"))
        if request.body and not is_taken(request.headers.get("content-type")):
            raise RegistryError(UNSUPPORTED_MEDIA_TYPE, "HTTP 415 Unsupported Media Type")
        resolve_context(request)
        resolve_alias(request, self._registry.state)
        route = _find(request)
        if not route.writes:
            return await route.handler(self._service, request)
        if route.shortcut is not None:
            found = await route.shortcut(self._service, request)
            if found is not None:
                return found
        await self._registry.wait_for_leader()
        if self._registry.is_leader:
            return await route.handler(self._service, request)
        return await self._forward(request)

    async def _forward(self, request: Request) -> Response:
        leader = self._registry.leader
        if leader is None or request.headers.get(FORWARDED) == "true" or leader.url == self._registry.identity.url:
            raise RegistryError(UNKNOWN_LEADER, "No leader of the registry is known")
        if self._leader is None or self._leader.url != leader.url:
            self.close()
            self._leader = HttpClient(leader.url, tls=self._tls)
        headers = {name: request.headers[name] for name in _FORWARDED_HEADERS if name in request.headers}
        try:
            answer = await self._leader.send(
                request.method, request.target, request.body, headers | {FORWARDED: "true"}
            )
        except HttpError as error:
            raise RegistryError(FORWARDING_FAILED, f"The leader did not answer: {error}") from error
        if answer.status < 300:
            await self._registry.topic.catch_up()  # whoever wrote through us reads it from us
        return Response(answer.body.decode(), answer.status, answer.headers.get("content-type"))


async def _request(scope: Scope, receive: Receive, headers: dict[str, str]) -> Request:
    try:
        body = await read_body(receive)
    except BodyTooLargeError as error:
        raise RegistryError(TOO_LARGE, str(error)) from None
    path, query = path_of(scope), query_text(scope)
    return Request(
        scope["method"],
        f"{path}?{query}" if query else path,
        segments_of(path),
        query_of(query),
        headers,
        body,
    )


def _find(request: Request) -> Route:
    is_there = False
    for route in ROUTES:
        parameters = match_path(route.path, request.segments)
        if parameters is None:
            continue
        if route.method == request.method:
            request.parameters = parameters
            name_request(request.method, route.path)
            return route
        is_there = True
    if is_there:
        raise RegistryError(METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed")
    raise RegistryError(NOT_FOUND, "HTTP 404 Not Found")


async def _respond(send: Send, response: Response, content_type: str | None) -> None:
    text = response.body if response.content_type is not None else compact_json(response.body)
    assert isinstance(text, str)
    body = b"" if response.status == 204 else text.encode()
    chosen = response.content_type or content_type or "application/json"
    headers = [(b"content-type", chosen.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
