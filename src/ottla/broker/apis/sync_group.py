"""SyncGroup (14): hand in the assignment as the leader, and get one's own.

| version | what changed                                                      | KIP |
|---------|-------------------------------------------------------------------|-----|
| 1       | throttle time in the answer                                       |     |
| 2       | throttled after the answer                                        | 219 |
| 3       | static members (group.instance.id)                                | 345 |
| 4       | flexible                                                          | 482 |
| 5       | protocol type and name; both must be given, and be the group's    | 559 |
"""

from ottla.broker.coordinator.group_coordinator import Eventually, GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.group.classic_group import sync_error
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.errors import ErrorCode

PROTOCOL_VERSION = 5


class SyncGroupHandler:
    def __init__(self, coordinator: GroupCoordinator) -> None:
        self._coordinator = coordinator

    def __call__(self, context: RequestContext, request: SyncGroupRequest) -> Eventually[SyncGroupResponse]:
        if context.api_version >= PROTOCOL_VERSION and (request.protocol_type is None or request.protocol_name is None):
            return sync_error(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        return self._coordinator.sync_group(request)
