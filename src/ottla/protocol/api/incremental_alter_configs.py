"""IncrementalAlterConfigs, API 44: versions 0 to 1.

KIP-339 (0), KIP-482 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class AlterableConfig(Struct):
    name: str
    config_operation: Int8
    value: str | None = field(nullable="0+")


class AlterConfigsResource(Struct):
    resource_type: Int8
    resource_name: str
    configs: list[AlterableConfig]


class IncrementalAlterConfigsRequest(Request, api=44, versions="0-1", flexible="1+"):
    """Sets, deletes, appends to or subtracts from single config keys."""

    resources: list[AlterConfigsResource]
    validate_only: bool


class AlterConfigsResourceResponse(Struct):
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    resource_type: Int8
    resource_name: str


class IncrementalAlterConfigsResponse(Response, api=44, versions="0-1", flexible="1+"):
    """What became of each resource."""

    throttle_time_ms: Int32 = field(default=0)
    responses: list[AlterConfigsResourceResponse]
