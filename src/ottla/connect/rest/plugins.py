"""`/connector-plugins`: which there are, what they take, whether that can be (`ConnectorPluginsResource`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import NotFoundError
from ottla.connect.rest.message import Response
from ottla.connect.runtime.connector_config import CONNECTOR_CLASS, sink_config_def, source_config_def
from ottla.connect.runtime.plugin_table import PluginKind
from ottla.connect.runtime.plugins import CONNECTORS, Plugins
from ottla.connect.runtime.rest_error import BadRequestError
from ottla.connect.runtime.validation import config_defaults

if TYPE_CHECKING:
    from ottla.connect.rest.message import Request
    from ottla.connect.runtime.herder import Herder

_SUFFIX: Final = "Connector"


async def list_plugins(herder: Herder, request: Request) -> Response:
    plugins = herder.worker.plugins
    connectors_only = request.flag("connectorsOnly", default=True)
    return Response(await asyncio.to_thread(_listed, plugins, connectors_only))


def _listed(plugins: Plugins, connectors_only: bool) -> list[dict[str, Any]]:
    kinds = CONNECTORS if connectors_only else tuple(PluginKind)
    listed = []
    for kind in kinds:
        for entry in sorted(plugins.listed(kind), key=lambda each: each.name):
            found = plugins.find(kind, entry.name)
            if found is not None:
                listed.append({"class": found.name, "type": kind.value, "version": found.version})
    return listed


async def get_config(herder: Herder, request: Request) -> Response:
    plugins, name = herder.worker.plugins, request.parameters["plugin"]
    return Response(await asyncio.to_thread(_definition, plugins, name))


def _definition(plugins: Plugins, name: str) -> list[dict[str, Any]]:
    plugin = plugins.plugin(name)
    if plugin is None:
        raise NotFoundError(f"Unknown plugin {name}.")
    keys = dict(plugin.cls().config().config_keys)
    if plugin.kind in CONNECTORS:
        base = source_config_def if plugin.kind is PluginKind.SOURCE else sink_config_def
        defaults = {"connector.plugin.version": config_defaults(plugins, plugin, {}, {})["connector.plugin.version"]}
        for key, found in base(plugins, defaults).config_keys.items():
            keys.setdefault(key, found)
    return [key.info() for key in keys.values()]


async def validate(herder: Herder, request: Request) -> Response:
    config = request.config()
    included, name = config.get(CONNECTOR_CLASS), request.parameters["plugin"]
    if included is not None and not _short(included).endswith(_short(name)):
        raise BadRequestError(f"Included connector type {included} does not match request type {name}")
    infos = await herder.validate(config)
    return Response(infos.to_json())


def _short(name: str) -> str:
    return name.removesuffix(_SUFFIX) or name
