"""DescribeCluster, API 60: versions 0 to 2.

KIP-700 (0), KIP-919 (1), KIP-1073 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class DescribeClusterRequest(Request, api=60, versions="0-2", flexible="0+"):
    """Asks for cluster id, controller and the brokers or controllers (1)."""

    include_cluster_authorized_operations: bool
    endpoint_type: Int8 = field("1+", default=1)
    include_fenced_brokers: bool = field("2+", default=False)


class DescribeClusterBroker(Struct):
    broker_id: Int32
    host: str
    port: Int32
    rack: str | None = field(default=None, nullable="0+")
    is_fenced: bool = field("2+", default=False)


class DescribeClusterResponse(Response, api=60, versions="0-2", flexible="0+"):
    """The cluster and its endpoints."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    endpoint_type: Int8 = field("1+", default=1)
    cluster_id: str
    controller_id: Int32 = field(default=-1)
    brokers: list[DescribeClusterBroker]
    cluster_authorized_operations: Int32 = field(default=-2147483648)
