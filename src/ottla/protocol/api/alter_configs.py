"""AlterConfigs, API 33: versions 0 to 2.

KIP-133 (0), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class AlterableConfig(Struct):
    name: str
    value: str | None = field(nullable="0+")


class AlterConfigsResource(Struct):
    resource_type: Int8
    resource_name: str
    configs: list[AlterableConfig]


class AlterConfigsRequest(Request, api=33, versions="0-2", flexible="2+"):
    """Replaces all dynamic configs of a resource; superseded by IncrementalAlterConfigs."""

    resources: list[AlterConfigsResource]
    validate_only: bool


class AlterConfigsResourceResponse(Struct):
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    resource_type: Int8
    resource_name: str


class AlterConfigsResponse(Response, api=33, versions="0-2", flexible="2+"):
    """What became of each resource."""

    throttle_time_ms: Int32 = field(default=0)
    responses: list[AlterConfigsResourceResponse]
