"""`/connectors` and all below it (`ConnectorsResource`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ottla.connect.api.errors import NotFoundError
from ottla.connect.rest.message import Response, config_of
from ottla.connect.runtime.rest_error import BadRequestError, RestError
from ottla.connect.store.config_records import RestartRequest
from ottla.connect.store.status import TargetState
from ottla.connect.store.task_id import TaskId

if TYPE_CHECKING:
    from ottla.connect.rest.message import Request
    from ottla.connect.runtime.herder import Herder

_CREATED: Final = 201
_ACCEPTED: Final = 202
_NO_CONTENT: Final = 204
_FORBIDDEN: Final = 403
_INITIAL_STATES: Final = {
    "RUNNING": TargetState.STARTED,
    "PAUSED": TargetState.PAUSED,
    "STOPPED": TargetState.STOPPED,
}
_NUMBER_LENGTH_MAX: Final = 18
_CREATE_FIELDS: Final = ("name", "config", "initial_state")


async def list_connectors(herder: Herder, request: Request) -> Response:
    expansions = request.query.get("expand")
    if expansions is None:
        return Response(herder.connector_names())
    out: dict[str, dict[str, Any]] = {}
    for name in herder.connector_names():
        try:
            found: dict[str, Any] = {}
            if "info" in expansions:
                found["info"] = herder.connector_info(name)
            if "status" in expansions:
                found["status"] = herder.connector_status(name)
            out[name] = found
        except NotFoundError:  # it is on its way
            continue
    return Response(out)


async def create(herder: Herder, request: Request) -> Response:
    body = request.object()
    for field in body:
        if field not in _CREATE_FIELDS:
            raise RestError(500, f'Unrecognized field "{field}": there are {", ".join(_CREATE_FIELDS)}')
    config = config_of(body.get("config"), '"config"')
    name = str(body.get("name") or "").strip()
    target = None
    if body.get("initial_state") is not None:
        target = _INITIAL_STATES.get(str(body["initial_state"]).upper())
        if target is None:
            raise RestError(500, f"initial_state is one of {', '.join(_INITIAL_STATES)}")
    _, info = await herder.put_connector_config(name, _named(name, config), target, allow_replace=False)
    return Response(info, _CREATED, {"location": _location(request, name)})


async def get(herder: Herder, request: Request) -> Response:
    return Response(herder.connector_info(_name(request)))


async def get_config(herder: Herder, request: Request) -> Response:
    return Response(herder.connector_info(_name(request))["config"])


async def put_config(herder: Herder, request: Request) -> Response:
    name = _name(request)
    config = _named(name, request.config())
    created, info = await herder.put_connector_config(name, config, None, allow_replace=True)
    if created:
        return Response(info, _CREATED, {"location": _location(request, name)})
    return Response(info)


async def patch_config(herder: Herder, request: Request) -> Response:
    return Response(await herder.patch_connector_config(_name(request), request.config()))


async def delete(herder: Herder, request: Request) -> Response:
    await herder.delete_connector(_name(request))
    return Response(status=_NO_CONTENT)


async def status(herder: Herder, request: Request) -> Response:
    return Response(herder.connector_status(_name(request)))


async def restart(herder: Herder, request: Request) -> Response:
    name = _name(request)
    include_tasks, only_failed = request.flag("includeTasks"), request.flag("onlyFailed")
    if not include_tasks and not only_failed:
        await herder.restart_connector(name)
        return Response(status=_NO_CONTENT)
    plan = RestartRequest(name, only_failed, include_tasks)
    return Response(await herder.restart_connector_and_tasks(plan), _ACCEPTED)


async def pause(herder: Herder, request: Request) -> Response:
    await herder.pause_connector(_name(request))
    return Response(status=_ACCEPTED)


async def resume(herder: Herder, request: Request) -> Response:
    await herder.resume_connector(_name(request))
    return Response(status=_ACCEPTED)


async def stop(herder: Herder, request: Request) -> Response:
    await herder.stop_connector(_name(request))
    return Response(status=_NO_CONTENT)


async def tasks(herder: Herder, request: Request) -> Response:
    return Response(herder.task_infos(_name(request)))


async def task_status(herder: Herder, request: Request) -> Response:
    return Response(herder.task_status(_task_id(request)))


async def restart_task(herder: Herder, request: Request) -> Response:
    await herder.restart_task(_task_id(request))
    return Response(status=_NO_CONTENT)


async def put_task_configs(herder: Herder, request: Request) -> Response:
    """Between workers."""
    configs = request.json()
    if not isinstance(configs, list):
        raise RestError(500, "The body is not a list of configurations")
    given = [config_of(config, "A configuration") for config in configs]
    texts = [{key: text for key, text in config.items() if text is not None} for config in given]
    await herder.put_task_configs(_name(request), texts, request.headers, request.body)
    return Response(status=_NO_CONTENT)


async def fence_zombies(herder: Herder, request: Request) -> Response:
    """Between workers."""
    await herder.fence_zombies(_name(request), request.headers, request.body)
    return Response(status=_NO_CONTENT)


async def logs(herder: Herder, request: Request) -> Response:
    """Ottla's own: the last lines, or those after a number; `worker` names another of the group."""
    worker, after = (request.query.get(name, [""])[0] for name in ("worker", "after"))
    if after and not (after.isascii() and after.isdecimal() and len(after) <= _NUMBER_LENGTH_MAX):
        raise BadRequestError(f"'after' is the number of a line, not '{after}'")
    return Response(herder.logs(_name(request), worker or None, int(after) if after else None))


async def topics(herder: Herder, request: Request) -> Response:
    _must_track(herder)
    name = _name(request)
    return Response({name: {"topics": herder.active_topics(name)}})


async def reset_topics(herder: Herder, request: Request) -> Response:
    _must_track(herder)
    if not herder.worker.config.flag("topic.tracking.allow.reset"):
        raise RestError(_FORBIDDEN, "Topic tracking reset is disabled.")
    herder.reset_active_topics(_name(request))
    return Response(status=_ACCEPTED)


async def get_offsets(herder: Herder, request: Request) -> Response:
    return Response({"offsets": await herder.offsets_of(_name(request))})


async def alter_offsets(herder: Herder, request: Request) -> Response:
    offsets = request.object().get("offsets")
    if not offsets:
        raise BadRequestError("Partitions / offsets need to be provided for an alter offsets request")
    if not isinstance(offsets, list) or not all(isinstance(each, dict) for each in offsets):
        raise RestError(500, '"offsets" is a list of objects with "partition" and "offset"')
    wanted = [(_part(each, "partition"), _part(each, "offset")) for each in offsets]
    return Response({"message": await herder.modify_offsets(_name(request), wanted)})


async def reset_offsets(herder: Herder, request: Request) -> Response:
    return Response({"message": await herder.modify_offsets(_name(request), None)})


def _part(entry: dict[str, Any], field: str) -> dict[str, Any] | None:
    value = entry.get(field)
    if value is not None and not isinstance(value, dict):
        raise RestError(500, f'"{field}" is an object or null')
    return value


def _named(name: str, config: dict[str, str | None]) -> dict[str, str]:
    """The configuration with the connector's name in it; nulls are left for the validation to name."""
    included = config.get("name")
    if included is not None and included != name:
        raise BadRequestError(
            f"Connector name configuration ({included}) doesn't match connector name in the URL ({name})"
        )
    return {**config, "name": name}  # type: ignore[dict-item]


def _name(request: Request) -> str:
    return request.parameters["connector"]


def _task_id(request: Request) -> TaskId:
    text = request.parameters["task"]
    if not text.isascii() or not text.removeprefix("-").isdecimal():
        raise RestError(404, "HTTP 404 Not Found")
    return TaskId(_name(request), int(text))


def _location(request: Request, name: str) -> str:
    return f"{request.base_url}/connectors/{quote(name, safe='')}"


def _must_track(herder: Herder) -> None:
    if not herder.worker.config.flag("topic.tracking.enable"):
        raise RestError(_FORBIDDEN, "Topic tracking is disabled.")
