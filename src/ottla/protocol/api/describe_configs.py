"""DescribeConfigs, API 32: versions 1 to 4.

KIP-133 (0), KIP-226 (1), KIP-569 (3), KIP-482 (4).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class DescribeConfigsResource(Struct):
    resource_type: Int8
    resource_name: str
    configuration_keys: list[str] | None = field(nullable="0+")


class DescribeConfigsRequest(Request, api=32, versions="1-4", flexible="4+"):
    """Asks for the configs of topics, brokers, groups and more."""

    resources: list[DescribeConfigsResource]
    include_synonyms: bool = field(default=False)
    include_documentation: bool = field("3+", default=False)


class DescribeConfigsSynonym(Struct):
    name: str
    value: str | None = field(nullable="0+")
    source: Int8


class DescribeConfigsResourceResult(Struct):
    name: str
    value: str | None = field(nullable="0+")
    read_only: bool
    config_source: Int8 = field(default=-1, ignorable=True)
    is_sensitive: bool
    synonyms: list[DescribeConfigsSynonym] = field(ignorable=True)
    config_type: Int8 = field("3+", default=0, ignorable=True)
    documentation: str | None = field("3+", default="", nullable="0+", ignorable=True)


class DescribeConfigsResult(Struct):
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    resource_type: Int8
    resource_name: str
    configs: list[DescribeConfigsResourceResult]


class DescribeConfigsResponse(Response, api=32, versions="1-4", flexible="4+"):
    """Config entries with their source, type and synonyms."""

    throttle_time_ms: Int32 = field(default=0)
    results: list[DescribeConfigsResult]
