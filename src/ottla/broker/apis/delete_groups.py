"""DeleteGroups (42): groups without members go, with all that they have committed.

| version | what changed                | KIP |
|---------|-----------------------------|-----|
| 0       |                             | 229 |
| 1       | throttled after the answer  | 219 |
| 2       | flexible                    | 482 |
"""

from ottla.broker.coordinator.group_coordinator import Eventually, GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.delete_groups import DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse


class DeleteGroupsHandler:
    def __init__(self, coordinator: GroupCoordinator) -> None:
        self._coordinator = coordinator

    def __call__(self, context: RequestContext, request: DeleteGroupsRequest) -> Eventually[DeleteGroupsResponse]:
        answers = self._coordinator.delete_groups(request.groups_names)
        results: list[DeletableGroupResult] = []
        for answer in answers:
            if not isinstance(answer, list):
                return _when_deleted(answers)
            results += answer
        return DeleteGroupsResponse(results=results)


async def _when_deleted(answers: list[Eventually[list[DeletableGroupResult]]]) -> DeleteGroupsResponse:
    results: list[DeletableGroupResult] = []
    for answer in answers:
        results += answer if isinstance(answer, list) else await answer
    return DeleteGroupsResponse(results=results)
