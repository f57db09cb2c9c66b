"""JoinGroup (11): become a member of a classic group, or come back for its next generation.

| version | what changed                                                          | KIP |
|---------|-----------------------------------------------------------------------|-----|
| 1       | rebalance timeout; before, the session timeout serves for both        | 62  |
| 2       | throttle time in the answer                                           |     |
| 3       | throttled after the answer                                            | 219 |
| 4       | a dynamic member is given its id and must come back (MEMBER_ID_REQUIRED) | 394 |
| 5       | static members (group.instance.id)                                    | 345 |
| 6       | flexible                                                              | 482 |
| 7       | protocol type in the answer; protocol name may be null                | 559 |
| 8       | reason                                                                | 800 |
| 9       | a static leader that returns may skip the assignment                  | 814 |
"""

from collections.abc import Awaitable

from ottla.broker.coordinator.group_coordinator import Eventually, GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupResponse

REBALANCE_TIMEOUT_VERSION = 1
NULLABLE_PROTOCOL_VERSION = 7


class JoinGroupHandler:
    def __init__(self, coordinator: GroupCoordinator) -> None:
        self._coordinator = coordinator

    def __call__(self, context: RequestContext, request: JoinGroupRequest) -> Eventually[JoinGroupResponse]:
        if context.api_version < REBALANCE_TIMEOUT_VERSION:
            request.rebalance_timeout_ms = request.session_timeout_ms
        answer = self._coordinator.join_group(context, request)
        if context.api_version >= NULLABLE_PROTOCOL_VERSION:
            return answer
        return _with_protocol_name(answer) if isinstance(answer, JoinGroupResponse) else _when_joined(answer)


async def _when_joined(answer: Awaitable[JoinGroupResponse]) -> JoinGroupResponse:
    return _with_protocol_name(await answer)


def _with_protocol_name(response: JoinGroupResponse) -> JoinGroupResponse:
    response.protocol_name = response.protocol_name or ""
    return response
