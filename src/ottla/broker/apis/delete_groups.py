"""DeleteGroups (42): groups without members go, with all that they have committed.

| version | what changed                | KIP |
|---------|-----------------------------|-----|
| 0       |                             | 229 |
| 1       | throttled after the answer  | 219 |
| 2       | flexible                    | 482 |

Share groups take the states of their share partitions along (KIP-932).
"""

from collections.abc import Awaitable, Callable, Sequence

from ottla.broker.coordinator.group_coordinator import Eventually, GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.delete_groups import DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.errors import ErrorCode


class DeleteGroupsHandler:
    def __init__(
        self, coordinator: GroupCoordinator, delete_share_group: Callable[[str], Awaitable[ErrorCode]]
    ) -> None:
        self._coordinator = coordinator
        self._delete_share_group = delete_share_group

    def __call__(self, context: RequestContext, request: DeleteGroupsRequest) -> Eventually[DeleteGroupsResponse]:
        share = [each for each in dict.fromkeys(request.groups_names) if self._coordinator.has_share_group(each)]
        answers = self._coordinator.delete_groups([each for each in request.groups_names if each not in share])
        if share:
            return self._when_deleted(answers, share)
        results: list[DeletableGroupResult] = []
        for answer in answers:
            if not isinstance(answer, list):
                return self._when_deleted(answers, share)
            results += answer
        return DeleteGroupsResponse(results=results)

    async def _when_deleted(
        self, answers: Sequence[Eventually[list[DeletableGroupResult]]], share: Sequence[str]
    ) -> DeleteGroupsResponse:
        results: list[DeletableGroupResult] = []
        for answer in answers:
            results += answer if isinstance(answer, list) else await answer
        for group_id in share:
            error = await self._delete_share_group(group_id)
            results.append(DeletableGroupResult(group_id=group_id, error_code=error))
        return DeleteGroupsResponse(results=results)
