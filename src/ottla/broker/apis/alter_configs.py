"""AlterConfigs (33): replaces all dynamic configs of a resource. IncrementalAlterConfigs is what clients use today.

| version | what changed                       | KIP |
|---------|------------------------------------|-----|
| 0       | topics and brokers                 | 133 |
| 2       | tagged fields                      | 482 |
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from random import Random
from typing import Protocol, TypeVar

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.forwarding import Forwarding
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.controller.configs import Outcomes, alter_configs
from ottla.metadata.controller.result import ControllerView, Decision, special_message
from ottla.metadata.image import ConfigResourceKey, MetadataImage
from ottla.protocol.api.alter_configs import (
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    AlterConfigsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

T = TypeVar("T")


class ResourceResponse(Protocol):
    """The part of an answer that is about one resource, in either way of altering."""

    error_code: int
    error_message: str | None
    resource_type: int
    resource_name: str


class AlterConfigsHandler:
    def __init__(
        self, controller: ControllerShell, *, node_id: int | None, forwarding: Forwarding | None = None
    ) -> None:
        """`node_id`: of the broker; `None`: a controller's. `forwarding`: to a controller that may be elsewhere."""
        self._controller = controller
        self._node_id = node_id
        self._forwarding = forwarding

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
            outcomes |= await self._alter(context, request, wanted)
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

    async def _alter(
        self, context: RequestContext, request: AlterConfigsRequest, wanted: dict[ConfigResourceKey, dict[str, str]]
    ) -> Outcomes:
        controller, forwarding = self._controller, self._forwarding
        try:
            if forwarding is None or forwarding.is_local:
                return await controller.submit(
                    partial(
                        alter_configs, schema=controller.schema, configs=wanted, validate_only=request.validate_only
                    )
                )
            refused = refused_by_broker(
                partial(alter_configs, schema=controller.schema, configs=brokers_of(wanted), validate_only=True),
                controller.image,
            )
            resources = [one for one in request.resources if (one.resource_type, one.resource_name) in wanted]
            rest = [one for one in resources if (one.resource_type, one.resource_name) not in refused]
            if not rest:
                return refused
            asked = AlterConfigsRequest(resources=rest, validate_only=request.validate_only)
            answer = await forwarding.ask(context, asked)
            assert isinstance(answer, AlterConfigsResponse)
            return refused | outcomes_of(answer.responses)
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


def brokers_of(wanted: Mapping[ConfigResourceKey, T]) -> dict[ConfigResourceKey, T]:
    return {key: value for key, value in wanted.items() if key[0] == ConfigResourceType.BROKER}


def refused_by_broker(decision: Decision[Outcomes], image: MetadataImage) -> Outcomes:
    """A broker looks at its own configs by its own settings, which the controller elsewhere does not know."""
    outcomes = decision(ControllerView(image, image.offset + 1, 0, 0.0, Random(0))).response
    return {key: error for key, error in outcomes.items() if error is not None}


def outcomes_of(responses: Iterable[ResourceResponse]) -> Outcomes:
    """What another node answered, resource by resource."""
    return {
        (one.resource_type, one.resource_name): (
            None
            if one.error_code == ErrorCode.NONE
            else KafkaError(error_code(one.error_code), one.error_message or error_code(one.error_code).message)
        )
        for one in responses
    }


def check_resource(key: ConfigResourceKey, count: int, node_id: int | None) -> None:
    """What both ways of altering check of a resource before the controller sees it. Raises `KafkaError`."""
    resource_type, name = key
    if count > 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Each resource must appear at most once.")
    if node_id is not None and resource_type == ConfigResourceType.BROKER and name not in ("", str(node_id)):
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"This is broker {node_id} or an empty name, not '{name}'")
