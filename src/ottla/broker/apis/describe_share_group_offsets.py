"""DescribeShareGroupOffsets (90): where share groups start in their partitions, and how much they have before them.

| version | what changed | KIP  |
|---------|--------------|------|
| 0       |              | 932  |
| 1       | lag          | 1226 |
"""

from ottla.broker.coordinator.share_group_coordinator import ShareGroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsResponse,
)


class DescribeShareGroupOffsetsHandler:
    def __init__(self, groups: ShareGroupCoordinator) -> None:
        self._groups = groups

    async def __call__(
        self, context: RequestContext, request: DescribeShareGroupOffsetsRequest
    ) -> DescribeShareGroupOffsetsResponse:
        groups = [await self._groups.describe_offsets(group) for group in request.groups]
        return DescribeShareGroupOffsetsResponse(groups=groups)
