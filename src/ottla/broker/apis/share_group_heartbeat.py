"""ShareGroupHeartbeat (76): a member of a share group joins, is alive, gets its partitions, and leaves.

| version | what changed | KIP |
|---------|--------------|-----|
| 1       |              | 932 |
"""

from ottla.broker.apis.share_fetch import SHARE_VERSION
from ottla.broker.coordinator.eventually import Eventually
from ottla.broker.coordinator.share_group_coordinator import ShareGroupCoordinator
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.coordinator.group.share.heartbeat import heartbeat_error
from ottla.protocol.api.share_group_heartbeat import ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse
from ottla.protocol.errors import ErrorCode


class ShareGroupHeartbeatHandler:
    def __init__(self, groups: ShareGroupCoordinator, replicas: ReplicaManager) -> None:
        self._groups = groups
        self._replicas = replicas

    def __call__(
        self, context: RequestContext, request: ShareGroupHeartbeatRequest
    ) -> Eventually[ShareGroupHeartbeatResponse]:
        if not self._replicas.image.features.level(SHARE_VERSION):
            return heartbeat_error(ErrorCode.UNSUPPORTED_VERSION, ErrorCode.UNSUPPORTED_VERSION.message).response
        return self._groups.heartbeat(context, request)
