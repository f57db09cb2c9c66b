"""ListGroups (16): the groups that this node coordinates.

| version | what changed                 | KIP |
|---------|------------------------------|-----|
| 1       | throttle time in the answer  |     |
| 2       | throttled after the answer   | 219 |
| 3       | flexible                     | 482 |
| 4       | states                       | 518 |
| 5       | types                        | 848 |
"""

from ottla.broker.coordinator.group_coordinator import GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.list_groups import ListGroupsRequest, ListGroupsResponse


class ListGroupsHandler:
    def __init__(self, coordinator: GroupCoordinator) -> None:
        self._coordinator = coordinator

    def __call__(self, context: RequestContext, request: ListGroupsRequest) -> ListGroupsResponse:
        return self._coordinator.list_groups(request.states_filter, request.types_filter)
