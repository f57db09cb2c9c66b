"""AlterConfigs (33): replaces all dynamic configs of a resource. IncrementalAlterConfigs is what clients use today.

| version | what changed                       | KIP |
|---------|------------------------------------|-----|
| 0       | topics and brokers                 | 133 |
| 2       | tagged fields                      | 482 |
"""

from collections import Counter
from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.controller.configs import Outcomes, alter_configs
from ottla.metadata.controller.result import special_message
from ottla.metadata.image import ConfigResourceKey
from ottla.protocol.api.alter_configs import (
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    AlterConfigsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError


class AlterConfigsHandler:
    def __init__(self, controller: ControllerShell, *, node_id: int) -> None:
        self._controller = controller
        self._node_id = node_id

    async def __call__(self, context: RequestContext, request: AlterConfigsRequest) -> AlterConfigsResponse:
        counts = Counter((resource.resource_type, resource.resource_name) for resource in request.resources)
        outcomes: Outcomes = {}
        wanted: dict[ConfigResourceKey, dict[str, str]] = {}
        for resource in request.resources:
            key = (resource.resource_type, resource.resource_name)
            try:
                check_resource(key, counts[key], self._node_id)
                wanted[key] = _configs(resource)
            except KafkaError as error:
                outcomes[key] = error
        if wanted:
            outcomes |= await self._alter(wanted, request.validate_only)
        return AlterConfigsResponse(
            responses=[
                AlterConfigsResourceResponse(
                    error_code=ErrorCode.NONE if error is None else error.code,
                    error_message=None if error is None else special_message(error),
                    resource_type=resource_type,
                    resource_name=name,
                )
                for (resource_type, name), error in outcomes.items()
            ]
        )

    async def _alter(self, wanted: dict[ConfigResourceKey, dict[str, str]], validate_only: bool) -> Outcomes:
        controller = self._controller
        decision = partial(alter_configs, schema=controller.schema, configs=wanted, validate_only=validate_only)
        try:
            return await controller.submit(decision)
        except KafkaError as error:
            return dict.fromkeys(wanted, error)


def _configs(resource: AlterConfigsResource) -> dict[str, str]:
    names = [config.name for config in resource.configs]
    if len(set(names)) != len(names):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A config key was given twice")
    nulls = [config.name for config in resource.configs if config.value is None]
    if nulls:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Configs cannot be null: {','.join(nulls)}")
    if resource.resource_type == ConfigResourceType.BROKER_LOGGER:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Log levels are altered with IncrementalAlterConfigs only")
    return {config.name: config.value for config in resource.configs if config.value is not None}


def check_resource(key: ConfigResourceKey, count: int, node_id: int) -> None:
    """What both ways of altering check of a resource before the controller sees it. Raises `KafkaError`."""
    resource_type, name = key
    if count > 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Each resource must appear at most once.")
    if resource_type == ConfigResourceType.BROKER and name not in ("", str(node_id)):
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"This is broker {node_id} or an empty name, not '{name}'")
