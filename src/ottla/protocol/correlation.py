"""Requests of one connection and their answers, which come in the same order. Sans I/O: both kinds of clients use it.

Whoever waits for an answer is the caller's `waiter`: it goes in with the request, and comes back with the answer.
"""

from collections import deque
from typing import Generic, TypeVar

from ottla.protocol.api.api_versions import ApiVersionsResponse
from ottla.protocol.codec import decoder, encode_into
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.header import RequestHeader, ResponseHeader, request_header_version, response_header_version
from ottla.protocol.message import Request, Response

T = TypeVar("T")

_UNSUPPORTED_VERSION = int(ErrorCode.UNSUPPORTED_VERSION).to_bytes(2, "big")
_CORRELATION_ID_MAX = 0x7FFFFFFF


class _Expected(Generic[T]):
    __slots__ = ("api_key", "api_version", "correlation_id", "response_class", "waiter")

    def __init__(
        self, api_key: int, api_version: int, correlation_id: int, response_class: type[Response], waiter: T
    ) -> None:
        self.api_key = api_key
        self.api_version = api_version
        self.correlation_id = correlation_id
        self.response_class = response_class
        self.waiter = waiter


class Correlation(Generic[T]):
    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._expected: deque[_Expected[T]] = deque()
        self._correlation_id = 0

    def __len__(self) -> int:
        """How many answers are due."""
        return len(self._expected)

    def request(self, request: Request, version: int, response_class: type[Response], waiter: T) -> bytearray:
        """The frame to send, its size included. `ProtocolError` if the version cannot say it."""
        self._correlation_id = correlation_id = (self._correlation_id + 1) & _CORRELATION_ID_MAX
        header = RequestHeader(
            request_api_key=request.api_key,
            request_api_version=version,
            correlation_id=correlation_id,
            client_id=self._client_id,
        )
        out = bytearray(4)
        encode_into(header, request_header_version(request.api_key, version), out, [])
        encode_into(request, version, out, [])
        out[:4] = (len(out) - 4).to_bytes(4, "big")
        self._expected.append(_Expected(request.api_key, version, correlation_id, response_class, waiter))
        return out

    def response(self, frame: memoryview) -> tuple[T, Response]:
        """Whose answer this is, and what it says. `ProtocolError`: nothing behind it can be believed, either."""
        if not self._expected:
            raise ProtocolError("an answer that nobody asked for")
        expected = self._expected[0]
        correlation_id = int.from_bytes(frame[:4], "big", signed=True)
        if correlation_id != expected.correlation_id:
            raise ProtocolError(f"answer {correlation_id} where {expected.correlation_id} was due")
        header_version = response_header_version(expected.api_key, expected.api_version)
        _, offset = decoder(ResponseHeader, header_version)(frame, 0)
        version = expected.api_version
        if expected.response_class is ApiVersionsResponse and bytes(frame[offset : offset + 2]) == _UNSUPPORTED_VERSION:
            version = 0  # UNSUPPORTED_VERSION is always answered in version 0
        response = expected.response_class.decode(frame, version, offset)
        self._expected.popleft()
        return expected.waiter, response

    def abandon(self) -> list[T]:
        """The connection is gone: everybody who will get no answer, in order."""
        waiters = [expected.waiter for expected in self._expected]
        self._expected.clear()
        return waiters
