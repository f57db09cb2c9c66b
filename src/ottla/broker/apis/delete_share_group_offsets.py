"""DeleteShareGroupOffsets (92): what a share group without members knows of topics goes.

| version | what changed | KIP |
|---------|--------------|-----|
| 0       |              | 932 |
"""

from collections.abc import Awaitable

from ottla.broker.coordinator.share_group_coordinator import ShareGroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
)


class DeleteShareGroupOffsetsHandler:
    def __init__(self, groups: ShareGroupCoordinator) -> None:
        self._groups = groups

    def __call__(
        self, context: RequestContext, request: DeleteShareGroupOffsetsRequest
    ) -> Awaitable[DeleteShareGroupOffsetsResponse]:
        return self._groups.delete_offsets(request)
