"""Heartbeat (12): a member of a classic group is alive.

| version | what changed                        | KIP |
|---------|-------------------------------------|-----|
| 1       | throttle time in the answer         |     |
| 2       | throttled after the answer          | 219 |
| 3       | static members (group.instance.id)  | 345 |
| 4       | flexible                            | 482 |
"""

from ottla.broker.coordinator.group_coordinator import GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse


class HeartbeatHandler:
    def __init__(self, coordinator: GroupCoordinator) -> None:
        self._coordinator = coordinator

    def __call__(self, context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
        return HeartbeatResponse(error_code=self._coordinator.heartbeat(request))
