"""What the broker of this process asks of the controller of this process: its own handlers, without a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.broker.request_context import ClientConnection, RequestContext
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.request_context import Handler

HOST: Final = "127.0.0.1"


class LocalRequests:
    """A `controller_channel.LocalController`. `handler_of` makes a controller's handler; each is asked for once."""

    def __init__(self, controller: ControllerShell, handler_of: Callable[[ApiKey], Handler], listener: str) -> None:
        self._controller = controller
        self._handler_of = handler_of
        self._handlers: dict[ApiKey, Handler] = {}
        self._connection = ClientConnection(client_host=HOST, client_port=0, listener=listener)

    @property
    def is_active(self) -> bool:
        return self._controller.is_active

    async def serve(self, request: Request) -> Response:
        key = ApiKey(request.api_key)
        handler = self._handlers.get(key)
        if handler is None:
            handler = self._handlers[key] = self._handler_of(key)
        context = RequestContext(key, API[key].stable_versions.latest, 0, "", self._connection)
        answer = handler(context, request)
        if answer is not None and not isinstance(answer, Response):
            answer = await answer
        assert answer is not None
        return answer
