"""DescribeCluster (60): cluster id, controller, and the brokers.

| version | what changed                               | KIP  |
|---------|--------------------------------------------|------|
| 0       | as Metadata tells it, without topics       | 700  |
| 1       | brokers or controllers may be asked for    | 919  |
| 2       | fenced brokers too, marked as such         | 1073 |

Controllers are told by controllers' listeners only; a broker's answers MISMATCHED_ENDPOINT_TYPE.
"""

from ottla.broker.authorized_operations import ALL_OF_CLUSTER, NOT_ASKED
from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.describe_cluster import (
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
)
from ottla.protocol.errors import ErrorCode

BROKERS = 1
CONTROLLERS = 2


class DescribeClusterHandler:
    def __init__(self, controller: ControllerShell, *, cluster_id: str, node_id: int) -> None:
        self._controller = controller
        self._cluster_id = cluster_id
        self._node_id = node_id

    def __call__(self, context: RequestContext, request: DescribeClusterRequest) -> DescribeClusterResponse:
        if request.endpoint_type == CONTROLLERS:
            return _refused(ErrorCode.MISMATCHED_ENDPOINT_TYPE, "This is a broker's listener, not a controller's")
        if request.endpoint_type != BROKERS:
            return _refused(ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, f"Endpoint type {request.endpoint_type} is not known")
        brokers = []
        for broker in self._controller.image.cluster.brokers.values():
            endpoint = broker.listeners.get(context.listener)
            if endpoint is not None and (request.include_fenced_brokers or not broker.fenced):
                brokers.append(
                    DescribeClusterBroker(
                        broker_id=broker.broker_id,
                        host=endpoint.host,
                        port=endpoint.port,
                        rack=broker.rack,
                        is_fenced=broker.fenced,
                    )
                )
        return DescribeClusterResponse(
            error_code=ErrorCode.NONE,
            cluster_id=self._cluster_id,
            controller_id=self._node_id,
            brokers=brokers,
            cluster_authorized_operations=(
                ALL_OF_CLUSTER if request.include_cluster_authorized_operations else NOT_ASKED
            ),
        )


def _refused(code: ErrorCode, message: str) -> DescribeClusterResponse:
    return DescribeClusterResponse(
        error_code=code, error_message=message, endpoint_type=BROKERS, cluster_id="", brokers=[]
    )
