"""What went wrong elsewhere (at brokers, a registry, a worker, in a query), as an error of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.clients.errors import (
    AuthenticationFailedError,
    BrokerUnreachableError,
    ClientError,
    RequestTimedOutError,
)
from ottla.console.operations.connectors import ConnectorsError
from ottla.console.web.message import ApiError
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError
from ottla.registry.client.registry_client import RegistryClientError
from ottla.runtime.http_client import HttpError

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATUS: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.NON_EMPTY_GROUP: 409,
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC: 409,
    ErrorCode.BROKER_ID_NOT_REGISTERED: 404,
    ErrorCode.REQUEST_TIMED_OUT: 504,
    ErrorCode.LEADER_NOT_AVAILABLE: 502,
    ErrorCode.COORDINATOR_NOT_AVAILABLE: 502,
    ErrorCode.BROKER_NOT_AVAILABLE: 502,
    ErrorCode.INVALID_REPLICATION_FACTOR: 422,
}
_HINTS: Final[Mapping[ErrorCode, str]] = {
    ErrorCode.INVALID_REPLICATION_FACTOR: "a topic has at most as many replicas as there are brokers",
    ErrorCode.SECURITY_DISABLED: "set authorizer.class.name on every node",
    ErrorCode.OFFSET_OUT_OF_RANGE: "records were deleted meanwhile: read from the beginning again",
    ErrorCode.UNSUPPORTED_VERSION: "the brokers are too old for this",
}


def api_error(error: Exception) -> ApiError | None:
    """`None` for what nobody expects."""
    match error:
        case ApiError():
            return error
        case KafkaError():
            return _of_kafka(error)
        case BrokerUnreachableError():
            return ApiError(502, "UNREACHABLE", str(error), "is the cluster running, and its address right?")
        case AuthenticationFailedError():
            return ApiError(502, "UNREACHABLE", str(error), "check the security settings of this cluster")
        case RequestTimedOutError() | TimeoutError():
            return ApiError(504, "TIMED_OUT", str(error) or "it took too long", "try again, or ask for less")
        case ClientError() | HttpError():
            return ApiError(502, "UNREACHABLE", str(error))
        case ProtocolError():
            return ApiError(502, "UNREACHABLE", f"what a broker answers cannot be read: {error}")
        case RegistryClientError():
            return _of_registry(error)
        case ConnectorsError():
            return _of_connect(error)
    return None


def _of_kafka(error: KafkaError) -> ApiError:
    name = error.code.name
    status = _STATUS.get(error.code)
    if status is None:
        if (name.startswith("UNKNOWN_") and name != "UNKNOWN_SERVER_ERROR") or name.endswith("_NOT_FOUND"):
            status = 404
        elif name.endswith("AUTHORIZATION_FAILED"):
            status = 403
        elif name.endswith("ALREADY_EXISTS"):
            status = 409
        else:
            status = 422
    message, hint = split_hint(error.message or name)
    return ApiError(status, name, message, hint or _HINTS.get(error.code))


def _of_registry(error: RegistryClientError) -> ApiError:
    message, hint = split_hint(str(error))
    if error.code == 0:
        return ApiError(502, "UNREACHABLE", message, "is the registry running, and its URL right?")
    http_status = error.code // 100 if error.code >= 1000 else error.code
    if http_status == 404:
        return ApiError(404, "NOT_FOUND", message, hint)
    if http_status == 409:
        return ApiError(409, "CONFLICT", message, hint)
    if http_status in (401, 403):
        return ApiError(502, "UNREACHABLE", message, "the registry does not let the console do this")
    if http_status >= 500:
        return ApiError(502, "UNREACHABLE", message, hint)
    return ApiError(422, "INVALID", message, hint)


def _of_connect(error: ConnectorsError) -> ApiError:
    match error.status:
        case 0:
            return ApiError(502, "UNREACHABLE", str(error), "is the Connect worker running, and its URL right?")
        case 404:
            return ApiError(404, "NOT_FOUND", str(error))
        case 409:
            return ApiError(409, "CONFLICT", str(error))
        case status if status >= 500:
            return ApiError(502, "UNREACHABLE", str(error))
    return ApiError(422, "INVALID", str(error))


def split_hint(message: str) -> tuple[str, str | None]:
    """Operations put near names behind what they say; here they are the hint."""
    text, found, rest = message.partition(" Did you mean ")
    return (text, f"Did you mean {rest}") if found else (message, None)
