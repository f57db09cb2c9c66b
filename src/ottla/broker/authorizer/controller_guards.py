"""Who may speak with a controller as replicas and brokers do: CLUSTER_ACTION of the cluster. `ControllerApis`.

What clients may ask, too, has the guards that it has on a broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.authorizer import cluster_guards
from ottla.broker.authorizer.guard import Guard, guarded
from ottla.broker.authorizer.guards import GUARDS, guard_handler
from ottla.metadata.acls import AclOperation
from ottla.protocol.api_keys import ApiKey

if TYPE_CHECKING:
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Handler

CONTROLLER_GUARDS: dict[ApiKey, Guard] = {
    key: cluster_guards.needs(AclOperation.CLUSTER_ACTION)
    for key in (
        ApiKey.FETCH,
        ApiKey.VOTE,
        ApiKey.BEGIN_QUORUM_EPOCH,
        ApiKey.END_QUORUM_EPOCH,
        ApiKey.FETCH_SNAPSHOT,
        ApiKey.UPDATE_RAFT_VOTER,
        ApiKey.ENVELOPE,
        ApiKey.BROKER_REGISTRATION,
        ApiKey.BROKER_HEARTBEAT,
        ApiKey.ALTER_PARTITION,
        ApiKey.ALLOCATE_PRODUCER_IDS,
        ApiKey.ASSIGN_REPLICAS_TO_DIRS,
        ApiKey.CONTROLLER_REGISTRATION,
    )
}


def guard_controller_handler(key: ApiKey, handler: Handler, authorizer: Authorizer) -> Handler:
    """The handler behind its guard; an API without one is refused to everybody."""
    guard = CONTROLLER_GUARDS.get(key)
    if guard is not None:
        return guarded(guard, authorizer, handler)
    assert key in GUARDS, f"{key.name} has no guard"
    return guard_handler(key, handler, authorizer)
