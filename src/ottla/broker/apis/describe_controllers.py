"""DescribeCluster (60) at a controller's listener: the controllers, and which of them is active. KIP-919.

Versions as in `describe_cluster`.

Brokers are told by brokers' listeners only; a controller's answers MISMATCHED_ENDPOINT_TYPE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.apis.describe_cluster import BROKERS, CONTROLLERS
from ottla.broker.authorized_operations import ALL_OF_CLUSTER, NOT_ASKED
from ottla.protocol.api.describe_cluster import DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.broker.controller.quorum_shell import QuorumShell
    from ottla.broker.request_context import RequestContext


class DescribeControllersHandler:
    def __init__(self, quorum: QuorumShell, *, cluster_id: str) -> None:
        self._quorum = quorum
        self._cluster_id = cluster_id

    def __call__(self, context: RequestContext, request: DescribeClusterRequest) -> DescribeClusterResponse:
        if request.endpoint_type == BROKERS:
            return _refused(ErrorCode.MISMATCHED_ENDPOINT_TYPE, "This is a controller's listener, not a broker's")
        if request.endpoint_type != CONTROLLERS:
            return _refused(ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, f"Endpoint type {request.endpoint_type} is not known")
        controllers = []
        for controller in self._quorum.image.cluster.controllers.values():
            endpoint = controller.listeners.get(context.listener)
            if endpoint is not None:
                controllers.append(
                    DescribeClusterBroker(
                        broker_id=controller.controller_id, host=endpoint.host, port=endpoint.port, rack=None
                    )
                )
        return DescribeClusterResponse(
            error_code=ErrorCode.NONE,
            endpoint_type=CONTROLLERS,
            cluster_id=self._cluster_id,
            controller_id=self._quorum.leader_id,
            brokers=controllers,
            cluster_authorized_operations=(
                ALL_OF_CLUSTER if request.include_cluster_authorized_operations else NOT_ASKED
            ),
        )


def _refused(code: ErrorCode, message: str) -> DescribeClusterResponse:
    return DescribeClusterResponse(error_code=code, error_message=message, cluster_id="", brokers=[])
