"""ShareGroupDescribe (77): share groups with their members and what those have.

| version | what changed | KIP |
|---------|--------------|-----|
| 1       |              | 932 |
"""

from ottla.broker.apis.describe_groups import GROUP_OPERATIONS
from ottla.broker.coordinator.share_group_coordinator import ShareGroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.share_group_describe import ShareGroupDescribeRequest, ShareGroupDescribeResponse
from ottla.protocol.errors import ErrorCode


class ShareGroupDescribeHandler:
    def __init__(self, groups: ShareGroupCoordinator) -> None:
        self._groups = groups

    def __call__(self, context: RequestContext, request: ShareGroupDescribeRequest) -> ShareGroupDescribeResponse:
        groups = [self._groups.describe_group(group_id) for group_id in request.group_ids]
        if request.include_authorized_operations:
            for group in groups:
                if group.error_code == ErrorCode.NONE:
                    group.authorized_operations = GROUP_OPERATIONS
        return ShareGroupDescribeResponse(groups=groups)
