"""Configs of topics, brokers and groups: describe, and set or delete single keys (KIP-339)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
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

RESOURCE_TYPES = {"topic": 2, "broker": 4, "broker-logger": 8, "client-metrics": 16, "group": 32}
SOURCES = {
    1: "dynamic topic",
    2: "dynamic broker",
    3: "dynamic default broker",
    4: "static broker",
    5: "default",
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


async def describe_config(client: KafkaClient, kind: str, name: str) -> list[ConfigEntry]:
    """Every key of a resource, in order of its name. `kind` is one of `RESOURCE_TYPES`."""
    resource = DescribeConfigsResource(resource_type=RESOURCE_TYPES[kind], resource_name=name, configuration_keys=None)
    request = DescribeConfigsRequest(resources=[resource])
    if kind == "broker" and name:
        response = await client.send_to(_broker_id(name), request, DescribeConfigsResponse)
    else:
        response = await client.send_any(request, DescribeConfigsResponse)
    result = response.results[0]
    if result.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(result.error_code), result.error_message or f"{kind} '{name}'")
    return sorted(
        (
            ConfigEntry(
                entry.name,
                entry.value,
                SOURCES.get(entry.config_source, "unknown"),
                entry.read_only,
                entry.is_sensitive,
            )
            for entry in result.configs
        ),
        key=lambda entry: entry.name,
    )


async def alter_config(
    client: KafkaClient,
    kind: str,
    name: str,
    *,
    values: Mapping[str, str],
    deleted: Sequence[str] = (),
    validate_only: bool = False,
) -> None:
    """Set and delete keys of one resource, all or none; other keys stay."""
    configs = [AlterableConfig(name=key, config_operation=_SET, value=value) for key, value in values.items()]
    configs += [AlterableConfig(name=key, config_operation=_DELETE, value=None) for key in deleted]
    resource = AlterConfigsResource(resource_type=RESOURCE_TYPES[kind], resource_name=name, configs=configs)
    request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=validate_only)
    if kind == "broker" and name:
        response = await client.send_to(_broker_id(name), request, IncrementalAlterConfigsResponse)
    else:
        response = await client.send_any(request, IncrementalAlterConfigsResponse)
    result = response.responses[0]
    if result.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(result.error_code), result.error_message or f"{kind} '{name}'")


def _broker_id(name: str) -> int:
    if not name.isdecimal():
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"a broker is named by its id, a number, not '{name}'")
    return int(name)
