"""A small HTTP/1.1 client: JSON to and from one server, over a few connections that are kept."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from ottla.runtime.http_basic import basic_authorization
from ottla.runtime.tracing.propagation import outgoing_headers

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

CONNECT_TIMEOUT_S: Final = 5.0
RESPONSE_TIMEOUT_S: Final = 60.0
IDLE_CONNECTIONS_MAX: Final = 8
HEAD_BYTES_MAX: Final = 64 * 1024
BODY_BYTES_MAX: Final = 64 * 1024 * 1024


class HttpError(Exception):
    """No answer, or one that is not HTTP."""


class UnreachableError(HttpError):
    """Nobody listens there: the request was not sent."""


class _ClosedError(HttpError):
    """The server closed a kept connection before it answered: the request may go over a new one."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Of `http://host:port`, `https://user:password@host:port/path`; `tls` counts with https."""

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise HttpError(f"'{url}' is no URL of a server: write http://HOST:PORT")
        self.url = url
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._path = parts.path.rstrip("/")
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            import ssl

            self._tls = tls or ssl.create_default_context()
        self._headers = {"Host": f"{self._host}:{self._port}"}
        if parts.username is not None:
            self._headers["Authorization"] = basic_authorization(unquote(parts.username), unquote(parts.password or ""))
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def send(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = RESPONSE_TIMEOUT_S,
    ) -> HttpAnswer:
        """`HttpError`."""
        lines = [f"{method} {self._path}{target} HTTP/1.1"]
        merged = self._headers | outgoing_headers() | dict(headers or {})
        if body is not None:
            merged["Content-Length"] = str(len(body))
        lines += [f"{name}: {value}" for name, value in merged.items()]
        data = "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
        while self._idle:
            connection = self._idle.pop()
            with contextlib.suppress(_ClosedError):
                return await self._exchange(connection, method, data, timeout_s)
        return await self._exchange(await self._connect(), method, data, timeout_s)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        opening = asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=HEAD_BYTES_MAX)
        try:
            return await asyncio.wait_for(opening, CONNECT_TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            raise UnreachableError(f"{self._host}:{self._port} cannot be reached: {error}") from error

    async def _exchange(
        self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], method: str, data: bytes, timeout_s: float
    ) -> HttpAnswer:
        reader, writer = connection
        try:
            async with asyncio.timeout(timeout_s):
                writer.write(data)
                await writer.drain()
                answer = await _read_answer(reader, method)
        except TimeoutError:
            writer.close()
            raise HttpError(f"{self._host}:{self._port} did not answer within {timeout_s:g} s") from None
        except ConnectionError as error:
            writer.close()
            raise _ClosedError(f"{self._host}:{self._port}: {error}") from error
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            writer.close()
            raise HttpError(f"{self._host}:{self._port}: {error}") from error
        except BaseException:
            writer.close()
            raise
        if answer.headers.get("connection", "").lower() == "close" or len(self._idle) >= IDLE_CONNECTIONS_MAX:
            writer.close()
        else:
            self._idle.append(connection)
        return answer


async def _read_answer(reader: asyncio.StreamReader, method: str) -> HttpAnswer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        raise _ClosedError("the connection was closed") from None
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = status_line.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(f"this is no HTTP: {status_line[:80]}")
    status = int(rest[:3])
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    if method == "HEAD" or status in (204, 304):
        return HttpAnswer(status, headers, b"")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return HttpAnswer(status, headers, await _read_chunks(reader))
    length = headers.get("content-length")
    if length is None:
        body = await reader.read(BODY_BYTES_MAX)
        return HttpAnswer(status, headers | {"connection": "close"}, body)
    if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
        raise ValueError(f"a body of {length} bytes")
    return HttpAnswer(status, headers, await reader.readexactly(int(length)))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        if len(body) + size > BODY_BYTES_MAX:
            raise ValueError(f"a body of more than {BODY_BYTES_MAX} bytes")
        body += (await reader.readexactly(size + 2))[:size]
        if size == 0:
            return bytes(body)
