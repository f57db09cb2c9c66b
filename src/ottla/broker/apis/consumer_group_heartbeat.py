"""ConsumerGroupHeartbeat (68): the one request of the consumer protocol.

| version | what changed                                              | KIP        |
|---------|-----------------------------------------------------------|------------|
| 0       |                                                           | 848        |
| 1       | regular expressions; members make their own ids           | 848, 1082  |

Served while `group.coordinator.rebalance.protocols` has `consumer` and the feature `group.version` is 1.
"""

from collections.abc import Callable

from ottla.broker.authorizer.authorizer import Authorizer
from ottla.broker.coordinator.group_coordinator import Eventually, GroupCoordinator, consumer_heartbeat_error
from ottla.broker.request_context import RequestContext
from ottla.metadata.acls import AclOperation
from ottla.metadata.features import GROUP_VERSION
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.protocol.errors import ErrorCode


class ConsumerGroupHeartbeatHandler:
    def __init__(
        self,
        coordinator: GroupCoordinator,
        image: Callable[[], MetadataImage],
        authorizer: Authorizer | None,
        *,
        enabled: bool,
    ) -> None:
        self._authorizer = authorizer
        self._coordinator = coordinator
        self._image = image
        self._enabled = enabled

    def __call__(
        self, context: RequestContext, request: ConsumerGroupHeartbeatRequest
    ) -> Eventually[ConsumerGroupHeartbeatResponse]:
        if not self._enabled or not self._image().features.level(GROUP_VERSION):
            return consumer_heartbeat_error(ErrorCode.UNSUPPORTED_VERSION)
        authorizer = self._authorizer
        if authorizer is None:
            return self._coordinator.consumer_group_heartbeat(context, request)

        def visible(names: list[str]) -> list[str]:
            return [name for name in names if authorizer.allows_topic(context, AclOperation.DESCRIBE, name)]

        return self._coordinator.consumer_group_heartbeat(context, request, visible)
