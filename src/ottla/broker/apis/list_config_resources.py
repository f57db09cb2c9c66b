"""ListConfigResources (74): which resources there are to describe configs of.

| version | what changed                                        | KIP  |
|---------|-----------------------------------------------------|------|
| 0       | metrics subscriptions (ListClientMetricsResources)  | 714, 1000 |
| 1       | every type                                          | 1142 |
"""

from collections.abc import Iterable

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.list_config_resources import (
    ConfigResource,
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from ottla.protocol.errors import ErrorCode

LISTED = (
    ConfigResourceType.GROUP,
    ConfigResourceType.CLIENT_METRICS,
    ConfigResourceType.BROKER_LOGGER,
    ConfigResourceType.BROKER,
    ConfigResourceType.TOPIC,
)
"""In the order of the answer."""


class ListConfigResourcesHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    def __call__(self, context: RequestContext, request: ListConfigResourcesRequest) -> ListConfigResourcesResponse:
        types: Iterable[int] = set(request.resource_types) or LISTED
        if context.api_version == 0:
            types = (ConfigResourceType.CLIENT_METRICS,)
        if any(resource_type not in LISTED for resource_type in types):
            return ListConfigResourcesResponse(error_code=ErrorCode.UNSUPPORTED_VERSION, config_resources=[])
        types = [resource_type for resource_type in LISTED if resource_type in types]
        image = self._controller.image
        return ListConfigResourcesResponse(
            error_code=ErrorCode.NONE,
            config_resources=[
                ConfigResource(resource_name=name, resource_type=resource_type)
                for resource_type in types
                for name in _names(image, resource_type)
            ],
        )


def _names(image: MetadataImage, resource_type: int) -> Iterable[str]:
    if resource_type == ConfigResourceType.TOPIC:
        return image.topics.by_name
    if resource_type in (ConfigResourceType.BROKER, ConfigResourceType.BROKER_LOGGER):
        return (str(broker.broker_id) for broker in image.cluster.unfenced())
    return (name for type_, name in image.configs.by_resource if type_ == resource_type)
