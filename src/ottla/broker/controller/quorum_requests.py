"""How a request to the quorum is served: consensus answers it, at once or when there is something to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from ottla.broker.controller.quorum_shell import QuorumShell
    from ottla.broker.request_context import RequestContext
    from ottla.protocol.message import Request, Response


class QuorumRequestHandler:
    """Of any API between the replicas of the quorum."""

    def __init__(self, quorum: QuorumShell) -> None:
        self._quorum = quorum

    def __call__(self, context: RequestContext, request: Request) -> asyncio.Future[Response]:
        return self._quorum.ask(request, context.api_version, context.listener)
