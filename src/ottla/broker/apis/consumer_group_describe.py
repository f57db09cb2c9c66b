"""ConsumerGroupDescribe (69): epochs, members, assignments and targets of consumer groups.

| version | what changed                                  | KIP  |
|---------|-----------------------------------------------|------|
| 0       |                                               | 848  |
| 1       | whether a member speaks the classic protocol  | 1099 |

Without an authorizer everybody may do everything that can be done with a group.
"""

from collections.abc import Callable

from ottla.broker.authorized_operations import ALL_OF_GROUP
from ottla.broker.coordinator.group_coordinator import GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.group.consumer.describe import described_consumer_group_error
from ottla.metadata.features import GROUP_VERSION
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
)
from ottla.protocol.errors import ErrorCode


class ConsumerGroupDescribeHandler:
    def __init__(self, coordinator: GroupCoordinator, image: Callable[[], MetadataImage], *, enabled: bool) -> None:
        self._coordinator = coordinator
        self._image = image
        self._enabled = enabled

    def __call__(self, context: RequestContext, request: ConsumerGroupDescribeRequest) -> ConsumerGroupDescribeResponse:
        if not self._enabled or not self._image().features.level(GROUP_VERSION):
            refused = [
                described_consumer_group_error(group_id, ErrorCode.UNSUPPORTED_VERSION)
                for group_id in request.group_ids
            ]
            return ConsumerGroupDescribeResponse(groups=refused)
        groups = [self._coordinator.describe_consumer_group(group_id) for group_id in request.group_ids]
        if request.include_authorized_operations:
            for group in groups:
                if group.error_code == ErrorCode.NONE:
                    group.authorized_operations = ALL_OF_GROUP
        return ConsumerGroupDescribeResponse(groups=groups)
