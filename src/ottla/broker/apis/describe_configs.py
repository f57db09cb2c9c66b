"""DescribeConfigs (32): what applies, and who said so.

| version | what changed                                         | KIP |
|---------|------------------------------------------------------|-----|
| 1       | synonyms: every layer that sets a config             | 226 |
| 3       | the type of each config; documentation if asked for  | 569 |
| 4       | tagged fields                                        | 482 |

Kafka's `ConfigHelper`. Documentation is not kept: null (see docs/gaps.md).
"""

from collections.abc import Sequence

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.dynamic_config import DynamicServerConfig
from ottla.broker.loggers import current_levels
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.controller.result import special_message
from ottla.metadata.controller.topic_names import validate_topic_name
from ottla.protocol.api.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.runtime.config.definition import ConfigType
from ottla.runtime.config.description import (
    ConfigDescription,
    ConfigSource,
    ConfigSynonym,
    describe_broker,
    describe_client_metrics,
    describe_cluster_default,
    describe_group,
    describe_topic,
)


class DescribeConfigsHandler:
    def __init__(self, controller: ControllerShell, config: DynamicServerConfig, *, node_id: int) -> None:
        self._controller = controller
        self._config = config
        self._node_name = str(node_id)

    def __call__(self, context: RequestContext, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
        return DescribeConfigsResponse(results=[self._result(resource, request) for resource in request.resources])

    def _result(self, resource: DescribeConfigsResource, request: DescribeConfigsRequest) -> DescribeConfigsResult:
        result = DescribeConfigsResult(
            error_code=ErrorCode.NONE,
            error_message="",
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
            configs=[],
        )
        try:
            described = self._describe(resource)
        except KafkaError as error:
            result.error_code = error.code
            result.error_message = special_message(error)
        else:
            result.configs = [_entry(one, request.include_synonyms) for one in described]
        return result

    def _describe(self, resource: DescribeConfigsResource) -> Sequence[ConfigDescription]:
        image = self._controller.image
        config = self._config(image)
        name, keys = resource.resource_name, resource.configuration_keys
        overrides = image.configs.of(resource.resource_type, name)
        match resource.resource_type:
            case ConfigResourceType.TOPIC:
                validate_topic_name(name)
                if name not in image.topics.by_name:
                    raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
                return describe_topic(config, overrides, keys)
            case ConfigResourceType.BROKER:
                if not name:
                    return describe_cluster_default(config, keys)
                self._check_broker(name, "or an empty name")
                return describe_broker(config, keys)
            case ConfigResourceType.BROKER_LOGGER:
                self._check_broker(name, "and nothing else")
                return _loggers(keys)
            case ConfigResourceType.CLIENT_METRICS:
                if not name:
                    raise KafkaError(ErrorCode.INVALID_REQUEST, "A metrics subscription must be named")
                return describe_client_metrics(overrides, keys)
            case ConfigResourceType.GROUP:
                if not name:
                    raise KafkaError(ErrorCode.INVALID_REQUEST, "A group must be named")
                return describe_group(config, overrides, keys)
            case _:
                raise KafkaError(ErrorCode.INVALID_REQUEST, f"Resource type {resource.resource_type} has no configs")

    def _check_broker(self, name: str, or_else: str) -> None:
        if name != self._node_name:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"This is broker {self._node_name} {or_else}, not '{name}'")


def _loggers(keys: Sequence[str] | None) -> list[ConfigDescription]:
    source = ConfigSource.DYNAMIC_BROKER_LOGGER_CONFIG
    return [
        ConfigDescription(
            name=name,
            value=level,
            type=ConfigType.STRING,
            read_only=False,
            is_sensitive=False,
            source=source,
            synonyms=[ConfigSynonym(name, level, source)],
        )
        for name, level in current_levels().items()
        if keys is None or name in keys
    ]


def _entry(one: ConfigDescription, include_synonyms: bool) -> DescribeConfigsResourceResult:
    synonyms = one.synonyms if include_synonyms else ()
    return DescribeConfigsResourceResult(
        name=one.name,
        value=one.value,
        read_only=one.read_only,
        config_source=one.source,
        is_sensitive=one.is_sensitive,
        synonyms=[
            DescribeConfigsSynonym(name=synonym.name, value=synonym.value, source=synonym.source)
            for synonym in synonyms
        ],
        config_type=one.type,
        documentation=None,
    )
