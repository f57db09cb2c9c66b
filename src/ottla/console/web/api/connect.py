"""Connectors of the cluster's Connect worker. Values of configs that look secret never leave the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ottla.console.operations.connectors import path_of
from ottla.console.web.api.configs import HIDDEN, is_secret
from ottla.console.web.api.registry import public_url
from ottla.console.web.message import Response, bad_request, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.console.web.context import Context

OFFSETS_MAX: Final = 10_000
STATES: Final = ("RUNNING", "PAUSED", "STOPPED")
_CONFIG_SECRET: Final = ("credential", "private.key", "api.key", "apikey", "access.key", "passphrase")


async def about(context: Context) -> Response:
    told = await context.connect.ask("GET", "/")
    groups = context.cluster.settings.connect
    return Response({
        "group": context.connect_group,
        "groups": list(groups),
        "urls": [public_url(url.strip()) for url in groups[context.connect_group].split(",")],
        "version": told.get("version"),
        "commit": told.get("commit"),
        "kafka_cluster_id": told.get("kafka_cluster_id"),
    })  # fmt: skip


async def plugins(context: Context) -> Response:
    found = await context.connect.ask("GET", "/connector-plugins")
    shown = [{"class": each.get("class"), "type": each.get("type"), "version": each.get("version")} for each in found]
    return Response({"plugins": shown})


async def validate(context: Context) -> Response:
    if not context.may("connector", "alter"):  # it makes the worker do things: looking is not enough
        context.require("connector", "create")
    config = context.request.object("config").strings("config")
    target = f"/connector-plugins/{quote(context.parameter('plugin'), safe='')}/config/validate"
    told = await context.connect.ask("PUT", target, config)
    return Response({
        "name": told.get("name"),
        "error_count": told.get("error_count"),
        "groups": told.get("groups") or [],
        "configs": [_validated(each) for each in told.get("configs") or ()],
    })  # fmt: skip


async def list_all(context: Context) -> Response:
    found = await context.connect.ask("GET", "/connectors?expand=status&expand=info")
    shown = [
        _connector(name, entry.get("info") or {}, entry.get("status") or {})
        for name, entry in sorted(found.items())
        if context.may_view("connector", name)
    ]
    return Response({"connectors": shown})


async def create(context: Context) -> Response:
    body = context.request.object("name", "config", "initial_state")
    name, state = body.text("name"), body.optional_text("initial_state")
    context.resource_name = name
    context.require("connector", "create", name)
    if state is not None and state not in STATES:
        raise bad_request(f"'initial_state' is one of {', '.join(STATES)}, not '{state}'")
    config = {"name": name, **body.strings("config")}
    context.details["config"] = hidden(config)
    asked = {"name": name, "config": config, **({"initial_state": state} if state else {})}
    info = await context.connect.ask("POST", "/connectors", asked)
    return Response(_connector(name, info, {}), 201)


async def get(context: Context) -> Response:
    api, name = context.connect, context.parameter("connector")
    info = await api.ask("GET", path_of(name))
    status = await api.ask("GET", path_of(name, "status"))
    topics = (await api.ask("GET", path_of(name, "topics"))).get(name, {}).get("topics", [])
    return Response({**_connector(name, info, status), "topics": sorted(topics)})


async def put_config(context: Context) -> Response:
    """A value that is hidden stays what it is."""
    api, name = context.connect, context.parameter("connector")
    config = context.request.object("config").strings("config")
    context.details["config"] = hidden(config)
    if HIDDEN in config.values():
        before = await api.ask("GET", path_of(name, "config"))
        config = {key: before.get(key, value) if value == HIDDEN else value for key, value in config.items()}
    info = await api.ask("PUT", path_of(name, "config"), config)
    return Response(_connector(name, info, {}))


async def delete(context: Context) -> Response:
    await context.connect.ask("DELETE", path_of(context.parameter("connector")))
    return Response(None, 204)


async def pause(context: Context) -> Response:
    return await _told_to(context, "pause")


async def resume(context: Context) -> Response:
    return await _told_to(context, "resume")


async def stop(context: Context) -> Response:
    return await _told_to(context, "stop")


async def restart(context: Context) -> Response:
    include, failed = False, False
    if context.request.body:
        body = context.request.object("include_tasks", "only_failed")
        include, failed = body.flag("include_tasks"), body.flag("only_failed")
    context.details |= {"include_tasks": include, "only_failed": failed}
    query = f"?includeTasks={str(include).lower()}&onlyFailed={str(failed).lower()}"
    await context.connect.ask("POST", path_of(context.parameter("connector"), "restart") + query)
    return Response({}, 202)


async def restart_task(context: Context) -> Response:
    task = whole_number("task", context.parameter("task"), 0, 1_000_000)
    name = context.parameter("connector")
    await context.connect.ask("POST", path_of(name, "tasks", str(task), "restart"))
    return Response({}, 202)


async def get_offsets(context: Context) -> Response:
    told = await context.connect.ask("GET", path_of(context.parameter("connector"), "offsets"))
    return Response({"offsets": told.get("offsets") or []})


async def patch_offsets(context: Context) -> Response:
    offsets = context.request.object("offsets").list("offsets", at_most=OFFSETS_MAX)
    if not offsets:
        raise bad_request("'offsets' is empty")
    context.details["offsets"] = len(offsets)
    target = path_of(context.parameter("connector"), "offsets")
    told = await context.connect.ask("PATCH", target, {"offsets": offsets})
    return Response({"message": (told or {}).get("message")})


async def delete_offsets(context: Context) -> Response:
    told = await context.connect.ask("DELETE", path_of(context.parameter("connector"), "offsets"))
    return Response({"message": (told or {}).get("message")})


def hidden(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: HIDDEN if _hides(key, value) else value for key, value in config.items()}


def _hides(key: str, value: object) -> bool:
    """A value that names where the secret is (`${file:…}`) may be seen, and edited."""
    if isinstance(value, str) and value.startswith("${") and value.endswith("}"):
        return False
    return bool(value) and (is_secret(key) or any(word in key.lower() for word in _CONFIG_SECRET))


async def _told_to(context: Context, what: str) -> Response:
    context.details["state"] = what
    await context.connect.ask("PUT", path_of(context.parameter("connector"), what))
    return Response({}, 202)


def _connector(name: str, info: Mapping[str, Any], status: Mapping[str, Any]) -> dict[str, Any]:
    connector = status.get("connector") or {}
    config = info.get("config") or {}
    return {
        "name": name,
        "type": status.get("type") or info.get("type") or "unknown",
        "state": connector.get("state", "UNASSIGNED"),
        "worker_id": connector.get("worker_id"),
        "trace": connector.get("trace"),
        "class": config.get("connector.class"),
        "tasks": [
            {
                "id": each.get("id"),
                "state": each.get("state"),
                "worker_id": each.get("worker_id"),
                "trace": each.get("trace"),
            }
            for each in status.get("tasks") or ()
        ],
        "config": hidden(config),
    }


def _validated(each: Mapping[str, Any]) -> dict[str, Any]:
    definition, value = each.get("definition") or {}, each.get("value") or {}
    secret = definition.get("type") == "PASSWORD"
    return {
        "name": value.get("name") or definition.get("name"),
        "type": definition.get("type"),
        "required": bool(definition.get("required")),
        "default_value": definition.get("default_value"),
        "importance": definition.get("importance"),
        "documentation": definition.get("documentation"),
        "group": definition.get("group"),
        "order": definition.get("order"),
        "width": definition.get("width"),
        "display_name": definition.get("display_name"),
        "dependents": definition.get("dependents") or [],
        "value": HIDDEN if secret and value.get("value") else value.get("value"),
        "recommended_values": value.get("recommended_values") or [],
        "errors": value.get("errors") or [],
        "visible": value.get("visible", True),
    }
