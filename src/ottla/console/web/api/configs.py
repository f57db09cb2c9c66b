"""The configs of topics and of brokers: told with what is allowed, set and taken back key by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.clients.configs import DEFAULT, STATIC_BROKER
from ottla.console.operations.configs import alter_config, describe_config
from ottla.console.web.message import Response, bad_request
from ottla.runtime.config.definition import REQUIRED
from ottla.runtime.config.server_config import BROKER_DEFINITIONS
from ottla.runtime.config.topic import TOPIC_CONFIGS

if TYPE_CHECKING:
    from ottla.clients.configs import ConfigEntry
    from ottla.console.web.context import Context

KEYS_MAX: Final = 500
HIDDEN: Final = "********"
_SECRETS: Final = ("password", "secret", "jaas", "token", "credential")


async def get_of_topic(context: Context) -> Response:
    return Response({"configs": await _configs(context, "topic", context.parameter("topic"))})


async def patch_of_topic(context: Context) -> Response:
    return await _patch(context, "topic", context.parameter("topic"))


async def get_of_broker(context: Context) -> Response:
    return Response({"configs": await _configs(context, "broker", _broker(context))})


async def patch_of_broker(context: Context) -> Response:
    return await _patch(context, "broker", _broker(context))


def _broker(context: Context) -> str:
    """The id; empty for all brokers' default."""
    broker = context.parameter("broker")
    return "" if broker == "default" else broker


async def _patch(context: Context, kind: str, name: str) -> Response:
    body = context.request.object("set", "delete", "validate_only")
    values, deleted = body.strings("set"), body.texts("delete", at_most=KEYS_MAX)
    if not values and not deleted:
        raise bad_request("neither 'set' nor 'delete' names a key")
    validate_only = body.flag("validate_only")
    shown = {key: HIDDEN if is_secret(key) else value for key, value in values.items()}
    context.details |= {"set": shown, "delete": deleted, "validate_only": validate_only}
    await alter_config(context.client, kind, name, values=values, deleted=deleted, validate_only=validate_only)
    context.cluster.forget_configs()
    return Response({"configs": await _configs(context, kind, name)})


def is_secret(key: str) -> bool:
    """Of a config whose definition is not known here."""
    return any(word in key.lower() for word in _SECRETS)


async def _configs(context: Context, kind: str, name: str) -> list[dict[str, Any]]:
    return [_config(entry, kind) for entry in await describe_config(context.client, kind, name)]


def _config(entry: ConfigEntry, kind: str) -> dict[str, Any]:
    known = (TOPIC_CONFIGS if kind == "topic" else BROKER_DEFINITIONS).get(entry.name)
    default = None
    if known is not None and known.default is not REQUIRED and not known.is_sensitive:
        default = known.format(known.default)
    return {
        "name": entry.name,
        "value": None if entry.sensitive else entry.value,
        "source": entry.source,
        "is_default": entry.source in (DEFAULT, STATIC_BROKER) if kind == "topic" else entry.source == DEFAULT,
        "read_only": entry.read_only,
        "sensitive": entry.sensitive,
        "default": default,
        "documentation": None if known is None or known.validator is None else known.validator.means,
        "type": None if known is None else known.type.name.lower(),
    }
