"""The state of share partitions is asked and written by brokers alone: CLUSTER_ACTION of the cluster. KIP-932."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.metadata.acls import AclOperation
from ottla.protocol.api_keys import API, ApiKey

if TYPE_CHECKING:
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.authorizer.guard import Guard
    from ottla.broker.request_context import Answer, Handler, RequestContext
    from ottla.protocol.message import Response


def guard_share_state(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    """Refused with an empty answer: as Kafka's has no place for an error of the whole request."""
    if authorizer.allows_cluster(context, AclOperation.CLUSTER_ACTION):
        return handler(context, request)
    fields: dict[str, Any] = {"results": []}
    response: Response = API[ApiKey(context.api_key)].response(**fields)
    return response


GUARDS: dict[ApiKey, Guard] = {
    ApiKey.INITIALIZE_SHARE_GROUP_STATE: guard_share_state,
    ApiKey.READ_SHARE_GROUP_STATE: guard_share_state,
    ApiKey.WRITE_SHARE_GROUP_STATE: guard_share_state,
    ApiKey.DELETE_SHARE_GROUP_STATE: guard_share_state,
    ApiKey.READ_SHARE_GROUP_STATE_SUMMARY: guard_share_state,
}
