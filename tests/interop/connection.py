"""One client connection that speaks our own codec to a broker of either kind."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Final, TypeVar

from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.header import RequestHeader, ResponseHeader
from ottla.protocol.message import Response

if TYPE_CHECKING:
    from ottla.protocol.message import Request

ResponseT = TypeVar("ResponseT", bound=Response)

ANSWER_TIMEOUT_S: Final = 60.0
"""How long whoever asks waits for any answer."""


class Connection:
    """One client connection; a request is answered before the next is sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._correlation_id = 0

    @classmethod
    async def open(cls, address: str) -> Connection:
        host, port = address.rsplit(":", 1)
        return cls(*await asyncio.open_connection(host, int(port)))

    async def ask(self, request: Request, version: int, expected: type[ResponseT]) -> ResponseT:
        self._correlation_id += 1
        flexible = version in API[ApiKey(request.api_key)].flexible_versions
        header = RequestHeader(
            request_api_key=request.api_key,
            request_api_version=version,
            correlation_id=self._correlation_id,
            client_id="client",
        )
        frame = header.encode(2 if flexible else 1) + request.encode(version)
        self._writer.write(struct.pack(">i", len(frame)) + frame)
        (size,) = struct.unpack(">i", await self._reader.readexactly(4))
        data = await self._reader.readexactly(size)
        header_version = 1 if flexible and request.api_key != ApiKey.API_VERSIONS else 0
        answered = ResponseHeader.decode(data, header_version)
        assert answered.correlation_id == self._correlation_id
        return expected.decode(data, version, len(answered.encode(header_version)))

    def close(self) -> None:
        self._writer.close()
