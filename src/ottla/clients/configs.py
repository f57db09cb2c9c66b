"""Configs of topics, brokers and groups, many at a time: described, set and deleted key by key (KIP-339)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.protocol.api.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
)
from ottla.protocol.api.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.clients.client import KafkaClient
    from ottla.clients.connection import Connection

RESOURCE_TYPES: Final = {"topic": 2, "broker": 4, "broker-logger": 8, "client-metrics": 16, "group": 32}
DYNAMIC_BROKER: Final = "dynamic broker"
STATIC_BROKER: Final = "static broker"
DEFAULT: Final = "default"
SOURCES: Final = {
    1: "dynamic topic",
    2: DYNAMIC_BROKER,
    3: "dynamic default broker",
    4: STATIC_BROKER,
    5: DEFAULT,
    6: "dynamic broker logger",
    7: "dynamic client metrics",
    8: "dynamic group",
}
_SET, _DELETE = 0, 1


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    name: str
    value: str | None
    source: str
    read_only: bool
    sensitive: bool


async def describe_configs(
    client: KafkaClient, kind: str, names: Iterable[str]
) -> dict[str, list[ConfigEntry] | KafkaError]:
    """Every key of each resource, or why it cannot be told. `kind` is one of `RESOURCE_TYPES`."""
    found: dict[str, list[ConfigEntry] | KafkaError] = {}
    for connection, part in await _who_knows(client, kind, names):
        resources = [
            DescribeConfigsResource(resource_type=RESOURCE_TYPES[kind], resource_name=name, configuration_keys=None)
            for name in part
        ]
        request = DescribeConfigsRequest(resources=resources)
        response = await connection.send(request, DescribeConfigsResponse, timeout_ms=client.request_timeout_ms)
        for result in response.results:
            if result.error_code != ErrorCode.NONE:
                message = result.error_message or f"{kind} '{result.resource_name}'"
                found[result.resource_name] = KafkaError(error_code(result.error_code), message)
                continue
            found[result.resource_name] = [
                ConfigEntry(
                    entry.name,
                    entry.value,
                    SOURCES.get(entry.config_source, "unknown"),
                    entry.read_only,
                    entry.is_sensitive,
                )
                for entry in result.configs
            ]
    return found


async def alter_configs(
    client: KafkaClient, kind: str, changes: Mapping[str, Mapping[str, str | None]], *, validate_only: bool = False
) -> dict[str, KafkaError]:
    """Set these keys of each resource, all or none of it; `None` deletes one. The errors of those that refused."""
    refused: dict[str, KafkaError] = {}
    for connection, part in await _who_knows(client, kind, [name for name, keys in changes.items() if keys]):
        resources = [
            AlterConfigsResource(
                resource_type=RESOURCE_TYPES[kind],
                resource_name=name,
                configs=[
                    AlterableConfig(name=key, config_operation=_DELETE if value is None else _SET, value=value)
                    for key, value in changes[name].items()
                ],
            )
            for name in part
        ]
        request = IncrementalAlterConfigsRequest(resources=resources, validate_only=validate_only)
        response = await connection.send(request, IncrementalAlterConfigsResponse, timeout_ms=client.request_timeout_ms)
        for result in response.responses:
            if result.error_code != ErrorCode.NONE:
                message = result.error_message or f"{kind} '{result.resource_name}'"
                refused[result.resource_name] = KafkaError(error_code(result.error_code), message)
    return refused


async def _who_knows(client: KafkaClient, kind: str, names: Iterable[str]) -> list[tuple[Connection, list[str]]]:
    """A broker is asked for itself, any for all else; its empty name is all brokers' default."""
    alone = [name for name in names if kind == "broker" and name]
    together = [name for name in names if kind != "broker" or not name]
    asked = [(await client.connection_to(_broker_id(name)), [name]) for name in alone]
    return [*asked, *([(await client.any_connection(), together)] if together else [])]


def _broker_id(name: str) -> int:
    if not name.isdecimal():
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"a broker is named by its id, a number, not '{name}'")
    return int(name)
