"""ListConfigResources, API 74: versions 0 to 1.

KIP-1000 (0), KIP-1142 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class ListConfigResourcesRequest(Request, api=74, versions="0-1", flexible="0+"):
    """Asks for the resources that have configs (version 0: client metrics only)."""

    resource_types: list[Int8] = field("1+", default_factory=list)


class ConfigResource(Struct):
    resource_name: str
    resource_type: Int8 = field("1+", default=16, ignorable=True)


class ListConfigResourcesResponse(Response, api=74, versions="0-1", flexible="0+"):
    """Names and types of the resources."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    config_resources: list[ConfigResource]
