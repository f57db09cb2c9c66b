"""AlterShareGroupOffsets (91): set where a share group without members starts.

| version | what changed | KIP |
|---------|--------------|-----|
| 0       |              | 932 |
"""

from collections.abc import Awaitable

from ottla.broker.coordinator.share_group_coordinator import ShareGroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.alter_share_group_offsets import AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse


class AlterShareGroupOffsetsHandler:
    def __init__(self, groups: ShareGroupCoordinator) -> None:
        self._groups = groups

    def __call__(
        self, context: RequestContext, request: AlterShareGroupOffsetsRequest
    ) -> Awaitable[AlterShareGroupOffsetsResponse]:
        return self._groups.alter_offsets(request)
