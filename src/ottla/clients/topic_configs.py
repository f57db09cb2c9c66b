"""Configs of many topics at a time: described, set and deleted key by key (KIP-339)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

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

TOPIC: Final = 2
STATIC_BROKER: Final = 4
DEFAULT: Final = 5
_SET, _DELETE = 0, 1


class TopicConfig(NamedTuple):
    """`source` is the number that DescribeConfigs gives: `DEFAULT`, `STATIC_BROKER`, or a dynamic one."""

    name: str
    value: str | None
    source: int
    read_only: bool
    sensitive: bool


async def describe_topic_configs(client: KafkaClient, topics: Iterable[str]) -> dict[str, list[TopicConfig]]:
    """Every key of each topic; a topic that cannot be described, as it is gone, is left out."""
    resources = [
        DescribeConfigsResource(resource_type=TOPIC, resource_name=name, configuration_keys=None) for name in topics
    ]
    if not resources:
        return {}
    response = await client.send_any(DescribeConfigsRequest(resources=resources), DescribeConfigsResponse)
    return {
        result.resource_name: [
            TopicConfig(entry.name, entry.value, entry.config_source, entry.read_only, entry.is_sensitive)
            for entry in result.configs
        ]
        for result in response.results
        if result.error_code == ErrorCode.NONE
    }


async def alter_topic_configs(
    client: KafkaClient, changes: Mapping[str, Mapping[str, str | None]]
) -> dict[str, KafkaError]:
    """Set these keys of each topic; `None` deletes one. The errors of those that did not take it."""
    resources = [
        AlterConfigsResource(
            resource_type=TOPIC,
            resource_name=topic,
            configs=[
                AlterableConfig(name=key, config_operation=_DELETE if value is None else _SET, value=value)
                for key, value in keys.items()
            ],
        )
        for topic, keys in changes.items()
        if keys
    ]
    if not resources:
        return {}
    request = IncrementalAlterConfigsRequest(resources=resources, validate_only=False)
    response = await client.send_any(request, IncrementalAlterConfigsResponse)
    return {
        result.resource_name: KafkaError(error_code(result.error_code), result.error_message or result.resource_name)
        for result in response.responses
        if result.error_code != ErrorCode.NONE
    }
