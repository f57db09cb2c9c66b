"""LeaveGroup (13): members go, or are removed by an administrator.

| version | what changed                                             | KIP |
|---------|----------------------------------------------------------|-----|
| 1       | throttle time in the answer                              |     |
| 2       | throttled after the answer                               | 219 |
| 3       | several members, static ones included; an error for each | 345 |
| 4       | flexible                                                 | 482 |
| 5       | reason                                                   | 800 |
"""

from collections.abc import Awaitable

from ottla.broker.coordinator.group_coordinator import Eventually, GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.errors import ErrorCode

SEVERAL_MEMBERS_VERSION = 3


class LeaveGroupHandler:
    def __init__(self, coordinator: GroupCoordinator) -> None:
        self._coordinator = coordinator

    def __call__(self, context: RequestContext, request: LeaveGroupRequest) -> Eventually[LeaveGroupResponse]:
        if context.api_version >= SEVERAL_MEMBERS_VERSION:
            return self._coordinator.leave_group(request)
        request.members = [MemberIdentity(member_id=request.member_id)]
        answer = self._coordinator.leave_group(request)
        return _of_one_member(answer) if isinstance(answer, LeaveGroupResponse) else _when_left(answer)


async def _when_left(answer: Awaitable[LeaveGroupResponse]) -> LeaveGroupResponse:
    return _of_one_member(await answer)


def _of_one_member(response: LeaveGroupResponse) -> LeaveGroupResponse:
    """The only member's error is the answer's."""
    error = response.error_code
    if error == ErrorCode.NONE and response.members:
        error = response.members[0].error_code
    return LeaveGroupResponse(error_code=error)
