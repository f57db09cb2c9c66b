"""StreamsGroupDescribe (89): streams groups with their topology, their members, and the tasks of those.

| version | what changed | KIP  |
|---------|--------------|------|
| 0       |              | 1071 |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.authorized_operations import ALL_OF_GROUP
from ottla.coordinator.group.streams.describe import described_streams_group_error
from ottla.metadata.features import STREAMS_VERSION
from ottla.protocol.api.streams_group_describe import StreamsGroupDescribeResponse
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.coordinator.group_coordinator import GroupCoordinator
    from ottla.broker.request_context import RequestContext
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.api.streams_group_describe import StreamsGroupDescribeRequest


class StreamsGroupDescribeHandler:
    def __init__(self, coordinator: GroupCoordinator, image: Callable[[], MetadataImage], *, enabled: bool) -> None:
        self._coordinator = coordinator
        self._image = image
        self._enabled = enabled

    def __call__(self, context: RequestContext, request: StreamsGroupDescribeRequest) -> StreamsGroupDescribeResponse:
        if not self._enabled or not self._image().features.level(STREAMS_VERSION):
            refused = [
                described_streams_group_error(group_id, ErrorCode.UNSUPPORTED_VERSION) for group_id in request.group_ids
            ]
            return StreamsGroupDescribeResponse(groups=refused)
        groups = [self._coordinator.describe_streams_group(group_id) for group_id in request.group_ids]
        if request.include_authorized_operations:
            for group in groups:
                if group.error_code == ErrorCode.NONE:
                    group.authorized_operations = ALL_OF_GROUP
        return StreamsGroupDescribeResponse(groups=groups)
