"""Every guard there is. Imported only by a node with an authorizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.broker.authorizer import (
    cluster_guards,
    config_guards,
    group_guards,
    metadata_guards,
    new_group_guards,
    share_offset_guards,
    share_state_guards,
    topic_guards,
    transaction_guards,
)
from ottla.broker.authorizer.guard import Guard, guarded
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Answer, Handler, RequestContext
    from ottla.protocol.api_keys import ApiKey

GUARDS: dict[ApiKey, Guard] = {
    **topic_guards.GUARDS,
    **metadata_guards.GUARDS,
    **config_guards.GUARDS,
    **group_guards.GUARDS,
    **new_group_guards.GUARDS,
    **share_offset_guards.GUARDS,
    **share_state_guards.GUARDS,
    **transaction_guards.GUARDS,
    **cluster_guards.GUARDS,
}


def guard_handler(key: ApiKey, handler: Handler, authorizer: Authorizer) -> Handler:
    """The handler behind its guard; an API without one is refused to everybody."""
    return guarded(GUARDS.get(key, _refuse), authorizer, handler)


def _refuse(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
