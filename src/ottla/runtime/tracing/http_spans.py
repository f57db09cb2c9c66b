"""A span for each request that a REST API is asked, as OpenTelemetry's conventions for HTTP servers have it.

It goes on with the trace of whoever asks (`traceparent`), and what the request causes is below it. The application says
which route it is (`name_request`). Queries are not told: they may hold secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.runtime.http_request import headers_of
from ottla.runtime.tracing.propagation import of_texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from ottla.runtime.http_request import Receive, Scope, Send
    from ottla.runtime.tracing.tracing import Tracing

    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SERVER_ERROR: Final = 500


class TracedApplication:
    """ASGI around ASGI."""

    def __init__(self, application: Application, tracing: Tracing) -> None:
        self._application = application
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = headers_of(scope)
        span = self._tracing.begin(scope["method"], "SERVER", _attributes(scope, headers), parent=of_texts(headers))
        status = 0

        async def told(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._tracing.within(span):
            await self._application(scope, receive, told)
            if status:
                span.set_attribute("http.response.status_code", status)
            if status >= SERVER_ERROR:
                self._tracing.fail(span, str(status))


def _attributes(scope: Scope, headers: dict[str, str]) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope.get("http_version", "1.1"),
    }
    if (server := scope.get("server")) is not None:
        told |= {"server.address": server[0], "server.port": server[1]}
    if (client := scope.get("client")) is not None:
        told["client.address"] = client[0]
    if agent := headers.get("user-agent"):
        told["user_agent.original"] = agent
    return told
