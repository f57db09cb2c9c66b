"""IncrementalAlterConfigs (44): sets, removes, appends to or subtracts from single configs of a resource.

| version | what changed                                    | KIP |
|---------|-------------------------------------------------|-----|
| 0       | topics, brokers, the log levels of a broker     | 339, 412 |
| 1       | tagged fields; later: metrics, groups           | 482, 714, 848 |

Log levels belong to this process and last as long as it; everything else is recorded by the controller.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from ottla.broker.apis.alter_configs import brokers_of, check_resource, outcomes_of, refused_by_broker
from ottla.broker.controller.shell import ControllerShell
from ottla.broker.forwarding import Forwarding
from ottla.broker.loggers import check_level, check_logger, set_level, unset_level
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.controller.configs import ConfigChange, ConfigOperation, Outcomes, incremental_alter_configs
from ottla.metadata.controller.result import special_message
from ottla.metadata.image import ConfigResourceKey
from ottla.protocol.api.incremental_alter_configs import (
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError

OPERATIONS = {int(operation): operation for operation in ConfigOperation}


class IncrementalAlterConfigsHandler:
    def __init__(
        self, controller: ControllerShell, *, node_id: int | None, forwarding: Forwarding | None = None
    ) -> None:
        """`node_id`: of the broker; `None`: a controller's. `forwarding`: to a controller that may be elsewhere."""
        self._controller = controller
        self._node_id = node_id
        self._forwarding = forwarding

    async def __call__(
        self, context: RequestContext, request: IncrementalAlterConfigsRequest
    ) -> IncrementalAlterConfigsResponse:
        counts = Counter((resource.resource_type, resource.resource_name) for resource in request.resources)
        outcomes: Outcomes = {}
        wanted: dict[ConfigResourceKey, Sequence[ConfigChange]] = {}
        for resource in request.resources:
            key = (resource.resource_type, resource.resource_name)
            try:
                check_resource(key, counts[key], self._node_id)
                changes = _changes(resource)
                if resource.resource_type == ConfigResourceType.BROKER_LOGGER:
                    self._alter_loggers(resource.resource_name, changes, request.validate_only)
                    outcomes[key] = None
                else:
                    wanted[key] = changes
            except KafkaError as error:
                outcomes[key] = error
        if wanted:
            outcomes |= await self._alter(context, request, wanted)
        return IncrementalAlterConfigsResponse(
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
        self,
        context: RequestContext,
        request: IncrementalAlterConfigsRequest,
        wanted: dict[ConfigResourceKey, Sequence[ConfigChange]],
    ) -> Outcomes:
        controller, forwarding, validate_only = self._controller, self._forwarding, request.validate_only
        try:
            if forwarding is None or forwarding.is_local:
                return await controller.submit(
                    partial(
                        incremental_alter_configs, schema=controller.schema, changes=wanted, validate_only=validate_only
                    )
                )
            brokers = brokers_of(wanted)
            refused = refused_by_broker(
                partial(incremental_alter_configs, schema=controller.schema, changes=brokers, validate_only=True),
                controller.image,
            )
            resources = [one for one in request.resources if (one.resource_type, one.resource_name) in wanted]
            rest = [one for one in resources if (one.resource_type, one.resource_name) not in refused]
            if not rest:
                return refused
            asked = IncrementalAlterConfigsRequest(resources=rest, validate_only=validate_only)
            answer = await forwarding.ask(context, asked)
            assert isinstance(answer, IncrementalAlterConfigsResponse)
            return refused | outcomes_of(answer.responses)
        except KafkaError as error:
            return dict.fromkeys(wanted, error)

    def _alter_loggers(self, name: str, changes: Sequence[ConfigChange], validate_only: bool) -> None:
        if name != str(self._node_id):
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"This is broker {self._node_id}, not '{name}'")
        for change in changes:
            check_logger(change.name)
            if change.operation is ConfigOperation.SET:
                check_level(change.name, change.value)
            elif change.operation is not ConfigOperation.DELETE:
                raise KafkaError(ErrorCode.INVALID_REQUEST, "A log level can be set or removed only")
        if validate_only:
            return
        for change in changes:
            if change.operation is ConfigOperation.SET and change.value is not None:
                set_level(change.name, change.value)
            else:
                unset_level(change.name)


def _changes(resource: AlterConfigsResource) -> list[ConfigChange]:
    """Raises `KafkaError` INVALID_REQUEST."""
    names = [config.name for config in resource.configs]
    if len(set(names)) != len(names):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A config key was given twice")
    changes = []
    for config in resource.configs:
        operation = OPERATIONS.get(config.config_operation)
        if operation is None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Config operation {config.config_operation} is not known")
        if config.value is None and operation is not ConfigOperation.DELETE:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"The value of {config.name} cannot be null")
        changes.append(ConfigChange(config.name, operation, config.value))
    return changes
