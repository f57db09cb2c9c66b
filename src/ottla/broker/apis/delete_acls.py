"""DeleteAcls (31): removes the access control entries that any of the filters matches.

| version | what changed                | KIP |
|---------|-----------------------------|-----|
| 1       | prefixed resource patterns  | 290 |
| 2       | tagged fields               | 482 |
| 3       | resources of type USER      | 373 |

A node without an authorizer answers SECURITY_DISABLED. Kafka's `AclApis`.
"""

from functools import partial

from ottla.broker.apis.describe_acls import NO_AUTHORIZER
from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.acls import delete_acls
from ottla.protocol.api.delete_acls import DeleteAclsFilterResult, DeleteAclsRequest, DeleteAclsResponse
from ottla.protocol.errors import ErrorCode, KafkaError


class DeleteAclsHandler:
    def __init__(self, controller: ControllerShell, *, enabled: bool) -> None:
        """`enabled`: the node has an authorizer."""
        self._controller = controller
        self._enabled = enabled

    async def __call__(self, context: RequestContext, request: DeleteAclsRequest) -> DeleteAclsResponse:
        if not self._enabled:
            return _refused(request, ErrorCode.SECURITY_DISABLED, f"{NO_AUTHORIZER}.")
        try:
            return await self._controller.submit(partial(delete_acls, request=request))
        except KafkaError as error:
            return _refused(request, error.code, error.message)


def _refused(request: DeleteAclsRequest, code: ErrorCode, message: str) -> DeleteAclsResponse:
    return DeleteAclsResponse(
        filter_results=[
            DeleteAclsFilterResult(error_code=code, error_message=message, matching_acls=[]) for _ in request.filters
        ]
    )
