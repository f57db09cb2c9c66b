"""The worker itself: `/`, `/health` (KIP-1017), `/admin/loggers` (KIP-495, KIP-976)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ottla import __version__
from ottla.connect.api.errors import NotFoundError
from ottla.connect.rest.message import Response
from ottla.connect.runtime.logger_levels import all_levels, is_level, level_of, set_level
from ottla.connect.runtime.rest_error import BadRequestError

if TYPE_CHECKING:
    from ottla.connect.rest.message import Request
    from ottla.connect.runtime.herder import Herder

API_VERSION: Final = "4.3.1"
"""Of the Kafka Connect whose API this is: tools ask whether what they need is there."""
HEALTH_TIMEOUT_S: Final = 10.0


async def root(herder: Herder, _request: Request) -> Response:
    return Response({
        "version": API_VERSION,
        "commit": f"ottla-{__version__}",
        "kafka_cluster_id": herder.cluster_id,
    })  # fmt: skip


async def health(herder: Herder, _request: Request) -> Response:
    try:
        await asyncio.wait_for(herder.check_health(), HEALTH_TIMEOUT_S)
    except TimeoutError:
        if not herder.is_ready:
            return Response({"status": "starting", "message": "Worker is still starting up."}, 503)
        text = "Worker was unable to handle this request and may be unable to handle other requests."
        return Response({"status": "unhealthy", "message": text}, 500)
    text = "Worker has completed startup and is ready to handle requests."
    return Response({"status": "healthy", "message": text})


async def list_loggers(_herder: Herder, _request: Request) -> Response:
    return Response(all_levels())


async def get_logger(_herder: Herder, request: Request) -> Response:
    name = request.parameters["logger"]
    level = level_of(name)
    if level is None:
        raise NotFoundError(f"Logger {name} not found.")
    return Response(level)


async def put_logger(herder: Herder, request: Request) -> Response:
    name, level = request.parameters["logger"], request.config().get("level")
    if level is None:
        raise BadRequestError("Desired 'level' parameter was not specified in request.")
    if not is_level(level):
        raise NotFoundError(f"invalid log level '{level}'.")
    if request.query.get("scope", ["worker"])[0].lower() == "cluster":
        await herder.set_cluster_logger_level(name, level)
        return Response(status=204)
    return Response(set_level(name, level))
