"""DescribeGroups (15): state, protocol and members of classic groups.

| version | what changed                                     | KIP  |
|---------|--------------------------------------------------|------|
| 1       | throttle time in the answer                      |      |
| 2       | throttled after the answer                       | 219  |
| 3       | what the asker may do with a group, if it wants  | 430  |
| 4       | static members (group.instance.id)               | 345  |
| 5       | flexible                                         | 482  |
| 6       | GROUP_ID_NOT_FOUND, with a message; before, a group that is not there is `Dead` | 1043 |

Without an authorizer everybody may do everything that can be done with a group.
"""

from ottla.broker.coordinator.group_coordinator import GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.describe_groups import DescribedGroup, DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.errors import ErrorCode

ERROR_MESSAGE_VERSION = 6

# One bit for each AclOperation: read 3, delete 6, describe 8, describe configs 10, alter configs 11.
GROUP_OPERATIONS = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11


class DescribeGroupsHandler:
    def __init__(self, coordinator: GroupCoordinator) -> None:
        self._coordinator = coordinator

    def __call__(self, context: RequestContext, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
        groups = [self._describe(context.api_version, group_id) for group_id in request.groups]
        if request.include_authorized_operations:
            for group in groups:
                if group.error_code == ErrorCode.NONE:
                    group.authorized_operations = GROUP_OPERATIONS
        return DescribeGroupsResponse(groups=groups)

    def _describe(self, version: int, group_id: str) -> DescribedGroup:
        group = self._coordinator.describe_group(group_id, version)
        if version < ERROR_MESSAGE_VERSION:
            group.error_message = None
        return group
