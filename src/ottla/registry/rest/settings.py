"""/config and /mode: of all, of a context, of a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.registry.errors import (
    COMPATIBILITY_NOT_CONFIGURED,
    INVALID_MODE,
    MODE_NOT_CONFIGURED,
    OPERATION_NOT_PERMITTED,
    RegistryError,
)
from ottla.registry.rest.access import READ, WRITE
from ottla.registry.rest.message import Request, Response
from ottla.registry.store.config import check_request
from ottla.registry.store.mode import Mode, parse_mode
from ottla.registry.store.settings import delete_config, delete_mode, set_mode, update_config

if TYPE_CHECKING:
    from ottla.registry.rest.service import Service

LEVEL_IN_UPDATES: Final = "compatibility"


async def get_config(service: Service, request: Request) -> Response:
    place = service.place(request, READ)
    if request.flag("defaultToGlobal"):
        return Response(service.state.config_in_scope(place).to_json())
    config = service.state.config(place)
    if config is None:
        raise RegistryError(
            COMPATIBILITY_NOT_CONFIGURED, f"Subject '{place}' does not have subject-level compatibility configured"
        )
    return Response(config.to_json())


async def put_config(service: Service, request: Request) -> Response:
    place = service.place(request, WRITE)
    asked = request.json()
    check_request(asked)
    config = await service.registry.submit(lambda: update_config(service.state, place, asked))
    return Response(config.to_json(LEVEL_IN_UPDATES))


async def remove_config(service: Service, request: Request) -> Response:
    place = service.place(request, WRITE)
    old = await service.registry.submit(lambda: delete_config(service.state, place))
    return Response(old.to_json())


async def get_mode(service: Service, request: Request) -> Response:
    place = service.place(request, READ)
    mode = service.state.mode_in_scope(place) if request.flag("defaultToGlobal") else service.state.mode(place)
    if mode is None:
        raise RegistryError(MODE_NOT_CONFIGURED, f"Subject '{place}' does not have subject-level mode configured")
    return Response({"mode": mode})


async def put_mode(service: Service, request: Request) -> Response:
    place = service.place(request, WRITE)
    _check_mode_changes(service)
    text = request.json().get("mode")
    mode = parse_mode(text) if isinstance(text, str) else None
    if mode is None and text is not None:
        raise RegistryError(INVALID_MODE, f"Invalid mode. It is one of {', '.join(Mode)}")
    force = request.flag("force")
    await service.registry.submit(lambda: set_mode(service.state, place, mode, force=force))
    return Response({"mode": text})


async def remove_mode(service: Service, request: Request) -> Response:
    place = service.place(request, WRITE)
    _check_mode_changes(service)
    recursive = request.flag("recursive")
    old = await service.registry.submit(lambda: delete_mode(service.state, place, recursive=recursive))
    return Response({"mode": old} if old is not None else {})


def _check_mode_changes(service: Service) -> None:
    if not service.registry.settings.mode_changes:
        raise RegistryError(OPERATION_NOT_PERMITTED, "Modes may not be changed in this registry")
