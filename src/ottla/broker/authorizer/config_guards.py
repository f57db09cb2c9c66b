"""Who may read and change configs: of a topic and a group by their own ACLs, of everything else by the cluster's.
Kafka's `ConfigHelper`, `KafkaApis`, `ControllerApis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.broker.authorizer.guard import Guard, split, then
from ottla.metadata.acls import CLUSTER_NAME, AclOperation, ResourceType
from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.protocol.api import alter_configs as altered
from ottla.protocol.api import describe_configs as described
from ottla.protocol.api import incremental_alter_configs as increments
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Answer, Handler, RequestContext


def _may(authorizer: Authorizer, context: RequestContext, operation: int, resource_type: int, name: str) -> bool:
    match resource_type:
        case ConfigResourceType.TOPIC:
            return authorizer.allows_topic(context, operation, name)
        case ConfigResourceType.GROUP:
            return authorizer.allows_group(context, operation, name)
        case ConfigResourceType.BROKER | ConfigResourceType.BROKER_LOGGER | ConfigResourceType.CLIENT_METRICS:
            return authorizer.allows(context, operation, ResourceType.CLUSTER, CLUSTER_NAME)
        case _:
            return True  # the handler says that there is no such type


def _refusal(resource_type: int) -> ErrorCode:
    match resource_type:
        case ConfigResourceType.TOPIC:
            return ErrorCode.TOPIC_AUTHORIZATION_FAILED
        case ConfigResourceType.GROUP:
            return ErrorCode.GROUP_AUTHORIZATION_FAILED
        case _:
            return ErrorCode.CLUSTER_AUTHORIZATION_FAILED


def guard_describe_configs(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: described.DescribeConfigsRequest
) -> Answer:
    request.resources, refused = split(
        request.resources,
        lambda one: _may(authorizer, context, AclOperation.DESCRIBE_CONFIGS, one.resource_type, one.resource_name),
    )

    def merge(response: described.DescribeConfigsResponse) -> described.DescribeConfigsResponse:
        response.results += [
            described.DescribeConfigsResult(
                error_code=_refusal(one.resource_type),
                error_message=_refusal(one.resource_type).message,
                resource_type=one.resource_type,
                resource_name=one.resource_name,
                configs=[],
            )
            for one in refused
        ]
        return response

    return then(handler(context, request), merge)


def _altering(
    result: type[altered.AlterConfigsResourceResponse] | type[increments.AlterConfigsResourceResponse],
) -> Guard:
    """Of AlterConfigs and IncrementalAlterConfigs, which differ in the names of their messages only."""

    def guard(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
        request.resources, refused = split(
            request.resources,
            lambda one: _may(authorizer, context, AclOperation.ALTER_CONFIGS, one.resource_type, one.resource_name),
        )

        def merge(response: Any) -> Any:
            response.responses += [
                result(
                    error_code=_refusal(one.resource_type),
                    error_message=_refusal(one.resource_type).message,
                    resource_type=one.resource_type,
                    resource_name=one.resource_name,
                )
                for one in refused
            ]
            return response

        return then(handler(context, request), merge)

    return guard


GUARDS: dict[ApiKey, Guard] = {
    ApiKey.DESCRIBE_CONFIGS: guard_describe_configs,
    ApiKey.ALTER_CONFIGS: _altering(altered.AlterConfigsResourceResponse),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: _altering(increments.AlterConfigsResourceResponse),
}
