"""SQL over REST: `POST /v1/sql` as an ASGI application, by itself (`ottla sql --serve`) or mounted by the console.

Who gives a user and a password (HTTP Basic) asks the cluster as that user, and reads what its ACLs allow. Answers are
lines of JSON (`lines.py`). A query whose asker goes away is stopped. At most `RUNNING_MAX` run at a time, and
`WAITING_MAX` wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ottla.clients.errors import AuthenticationFailedError, BrokerUnreachableError, ClientError, RequestTimedOutError
from ottla.console.sql.answer import Answer, Settings, answer
from ottla.console.sql.lines import answer_lines
from ottla.console.sql.moment import QueryError
from ottla.console.sql.request import RequestError, SqlRequest, read_request
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.runtime.http_basic import basic_credentials
from ottla.runtime.http_request import BodyTooLargeError, headers_of, path_of, read_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractAsyncContextManager

    from ottla.clients.client import KafkaClient
    from ottla.runtime.http_request import Receive, Scope, Send

_log = logging.getLogger(__name__)

PATH: Final = "/v1/sql"
RUNNING_MAX: Final = 4
WAITING_MAX: Final = 16
PART_BYTES: Final = 64 * 1024
"""So much of an answer is sent at a time."""
EXTRA: Final = "pip install 'ottla[sql]'"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Credentials:
    user: str
    password: str


class Refusal(Exception):  # noqa: N818 it is an answer
    """An answer with a status of 400 or more."""

    def __init__(self, status: int, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.hint = status, code, hint

    @property
    def body(self) -> bytes:
        told = {"error": {"code": self.code, "message": str(self), "hint": self.hint}}
        return json.dumps(told, ensure_ascii=False).encode()


class SqlApplication:
    """`connect(None)` is a client of the server's own rights, `connect(credentials)` one of that user's.

    With `hosts` the Host header must be one of them: a page of another site cannot ask by a name of its own (DNS
    rebinding). With `sign_in` nobody asks without a user.
    """

    def __init__(
        self,
        connect: Callable[[Credentials | None], AbstractAsyncContextManager[KafkaClient]],
        settings: Settings,
        *,
        hosts: tuple[str, ...] = (),
        sign_in: bool = False,
    ) -> None:
        self._connect = connect
        self._settings = settings
        self._hosts = hosts
        self._sign_in = sign_in
        self._slots = asyncio.Semaphore(RUNNING_MAX)
        self._here = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            found = await self._answer(scope, receive)
        except Refusal as refusal:
            await _refuse(send, refusal)
            return
        if found is not None:
            await _send_lines(send, answer_lines(found))

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | None:
        """`None`: who asked is gone. `Refusal`."""
        headers = headers_of(scope)
        check_origin(headers, self._hosts)
        if path_of(scope) != PATH:
            raise Refusal(404, "NOT_FOUND", f"there is nothing here but {PATH}")
        if scope["method"] != "POST":
            raise Refusal(405, "BAD_REQUEST", f"{PATH} takes POST", f"curl -d 'select 1' …{PATH}")
        credentials = read_credentials(headers.get("authorization"))
        if credentials is None and self._sign_in:
            raise Refusal(
                401, "UNAUTHENTICATED", "who asks?", "send a user of the cluster and its password: HTTP Basic"
            )
        try:
            request = read_request(await read_body(receive), headers.get("content-type", ""))
        except BodyTooLargeError as error:
            raise Refusal(413, "TOO_LARGE", str(error)) from None
        except RequestError as error:
            raise Refusal(400, "BAD_REQUEST", str(error)) from None
        working = asyncio.ensure_future(self._in_turn(request, credentials))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not working.done():
                working.cancel()
                await asyncio.wait((working,))
        return None if working.cancelled() else working.result()

    async def _in_turn(self, request: SqlRequest, credentials: Credentials | None) -> Answer:
        if self._here >= RUNNING_MAX + WAITING_MAX:
            raise Refusal(429, "TOO_MANY", f"{self._here} queries run or wait already", "try again in a moment")
        self._here += 1
        try:
            async with self._slots:
                return await run_query(self._connect(credentials), request, self._settings)
        finally:
            self._here -= 1


async def run_query(
    connecting: AbstractAsyncContextManager[KafkaClient], request: SqlRequest, settings: Settings
) -> Answer:
    """Within the limits of both. `Refusal` says what is wrong, whoever's fault it is."""
    try:
        async with connecting as client:
            return await answer(client, request.query, request.within(settings), int(time.time() * 1000))
    except Refusal:
        raise
    except ModuleNotFoundError as error:
        raise Refusal(404, "NOT_CONFIGURED", f"SQL needs {error.name}", EXTRA) from None
    except QueryError as error:
        raise Refusal(422, "INVALID", str(error)) from None
    except KafkaError as error:
        raise Refusal(_status(error.code), error.code.name, error.message) from None
    except AuthenticationFailedError as error:
        raise Refusal(401, "UNAUTHENTICATED", str(error)) from None
    except BrokerUnreachableError as error:
        raise Refusal(502, "UNREACHABLE", str(error)) from None
    except RequestTimedOutError as error:
        raise Refusal(504, "TIMED_OUT", str(error)) from None
    except ClientError as error:
        raise Refusal(422, "INVALID", str(error)) from None
    except Exception:
        _log.exception("a query failed: %s", request.query)
        raise Refusal(500, "INTERNAL", "it failed; the log of the server says why") from None


def _status(code: ErrorCode) -> int:
    if code is ErrorCode.SASL_AUTHENTICATION_FAILED:
        return 401
    if code.name.endswith("AUTHORIZATION_FAILED"):
        return 403
    return 404 if code.name.startswith("UNKNOWN_TOPIC") else 422


def check_origin(headers: dict[str, str], hosts: tuple[str, ...]) -> None:
    """`Refusal` of what a page of another site makes a browser ask."""
    host = headers.get("host", "")
    if hosts and (urlsplit(f"//{host}").hostname or "") not in hosts:
        raise Refusal(421, "WRONG_HOST", f"this is not {host or 'without a name'}", f"ask {' or '.join(hosts)}")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        raise Refusal(403, "FORBIDDEN", f"pages of {origin} may not ask")


def read_credentials(header: str | None) -> Credentials | None:
    """Of `Authorization: Basic …`. `Refusal`: it is something else."""
    if header is None:
        return None
    told = basic_credentials(header)
    if told is None:
        raise Refusal(400, "BAD_REQUEST", "authorization: it is not HTTP Basic")
    user, password = told
    if not (user and password):
        raise Refusal(401, "UNAUTHENTICATED", "a user and a password are needed")
    return Credentials(user, password)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, refusal: Refusal) -> None:
    headers = [(b"content-type", b"application/json")]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="ottla sql", charset="UTF-8"'))
    if refusal.status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})


async def _send_lines(send: Send, lines: Iterable[str]) -> None:
    headers = [(b"content-type", b"application/x-ndjson"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    part = bytearray()
    with contextlib.suppress(OSError):  # who asked is gone
        for line in lines:
            part += line.encode()
            if len(part) >= PART_BYTES:
                await send({"type": "http.response.body", "body": bytes(part), "more_body": True})
                part.clear()
        await send({"type": "http.response.body", "body": bytes(part)})
