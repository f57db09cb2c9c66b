"""ApiVersions, API 18: versions 0 to 4.

KIP-35 (0), KIP-482 (3), KIP-511 (3), KIP-584 (3).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64


class ApiVersionsRequest(Request, api=18, versions="0-4", flexible="3+"):
    """The first thing that a client asks: which APIs, in which versions."""

    client_software_name: str = field("3+", default="", ignorable=True)
    client_software_version: str = field("3+", default="", ignorable=True)


class ApiVersion(Struct):
    api_key: Int16
    min_version: Int16
    max_version: Int16


class SupportedFeatureKey(Struct):
    name: str
    min_version: Int16
    max_version: Int16


class FinalizedFeatureKey(Struct):
    name: str
    max_version_level: Int16
    min_version_level: Int16


class ApiVersionsResponse(Response, api=18, versions="0-4", flexible="3+"):
    """The supported version ranges and features; its header is always version 0."""

    error_code: Int16
    api_keys: list[ApiVersion]
    throttle_time_ms: Int32 = field("1+", default=0, ignorable=True)
    supported_features: list[SupportedFeatureKey] = field("3+", default_factory=list, tag=0, ignorable=True)
    finalized_features_epoch: Int64 = field("3+", default=-1, tag=1, ignorable=True)
    finalized_features: list[FinalizedFeatureKey] = field("3+", default_factory=list, tag=2, ignorable=True)
    zk_migration_ready: bool = field("3+", default=False, tag=3, ignorable=True)
