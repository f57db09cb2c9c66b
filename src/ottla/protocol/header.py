"""The headers before requests and responses.

    frame     [size int32] [header] [body]                      the size is not part of what is decoded here
    request   v1: key, version, correlation id, client id       v2 (flexible APIs, KIP-482): + tagged fields
    response  v0: correlation id                                v1 (flexible APIs, KIP-482): + tagged fields

Who asks for ApiVersions does not know yet what the broker speaks: its response header is always v0 (KIP-511).
"""

from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.message import Message, field
from ottla.protocol.types import Int16, Int32


class RequestHeader(Message, versions="1-2", flexible="2+"):
    """Stands before every request; `client_id` is never compact, so that any broker can read it."""

    request_api_key: Int16
    request_api_version: Int16
    correlation_id: Int32
    client_id: str | None = field(nullable="1+", flexible="none")


class ResponseHeader(Message, versions="0-1", flexible="1+"):
    """Stands before every response; version 0 has no tagged fields."""

    correlation_id: Int32


def request_header_version(api_key: int, api_version: int) -> int:
    """Which header stands before that request; KeyError for an unknown key."""
    return 2 if api_version in API[ApiKey(api_key)].flexible_versions else 1


def response_header_version(api_key: int, api_version: int) -> int:
    """Which header stands before the answer to that request; KeyError for an unknown key."""
    if api_key == ApiKey.API_VERSIONS:
        return 0
    return 1 if api_version in API[ApiKey(api_key)].flexible_versions else 0
