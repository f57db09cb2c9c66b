"""`ottla sql --serve HOST:PORT`: SQL over REST beside any cluster, until it is asked to stop."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ottla.clients.client import KafkaClient
from ottla.console.sql.rest import LOOPBACK, PATH, Credentials, Refusal, SqlApplication
from ottla.protocol.sasl.oauthbearer import MECHANISM as OAUTHBEARER
from ottla.runtime.config.jaas import PLAIN_LOGIN_MODULE, SCRAM_LOGIN_MODULE, JaasEntry
from ottla.runtime.http_server import HTTP, HTTPS, HttpServer, listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ottla.clients.security import ClientSecurity
    from ottla.console.sql.answer import Settings
    from ottla.runtime.network import Network
    from ottla.runtime.tls_context import TlsContexts

DEFAULT_LISTEN: Final = "127.0.0.1:8088"


class ListenError(ValueError):
    """It cannot listen there; the text says why, and what to write."""


def parse_listen(text: str) -> tuple[str, int]:
    """`ListenError`."""
    host, colon, port = text.rpartition(":")
    if not (colon and port.isdecimal() and int(port) <= 65535):
        raise ListenError(f"HOST:PORT is wanted, such as {DEFAULT_LISTEN}, not {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


class SqlServer:
    """`await start()`, `url`, `await stop()`."""

    def __init__(
        self,
        network: Network,
        bootstrap: str,
        security: ClientSecurity,
        settings: Settings,
        address: tuple[str, int],
        *,
        sign_in: bool = False,
        tls: TlsContexts | None = None,
    ) -> None:
        """`ListenError`."""
        host, port = address
        if security.login is not None and not sign_in and host not in LOOPBACK:
            raise ListenError(
                f"whoever reaches {host}:{port} would ask with the rights of {_user(security)}: add --sign-in, or"
                " listen on 127.0.0.1"
            )
        if sign_in and (security.login is None or security.mechanism == OAUTHBEARER):
            raise ListenError("--sign-in needs a cluster that knows its users by SASL/PLAIN or SCRAM: --command-config")
        self._network, self._bootstrap, self._security = network, bootstrap, security
        hosts = LOOPBACK if host in LOOPBACK else ()
        self._application = SqlApplication(self._connect, settings, hosts=hosts, sign_in=sign_in)
        try:
            self._bound = listen(host, port)
        except OSError as error:
            raise ListenError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        self._tls = tls
        scheme = HTTP if tls is None else HTTPS
        self.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._bound.getsockname()[1]}{PATH}"
        self._server: HttpServer | None = None

    async def start(self) -> None:
        self._server = HttpServer(self._application, self._bound, self._tls)
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
        else:
            self._bound.close()

    @contextlib.asynccontextmanager
    async def _connect(self, credentials: Credentials | None) -> AsyncIterator[KafkaClient]:
        """A client for one query: what waits in a connection would hold up what other queries ask."""
        security = self._security if credentials is None else user_security(self._security, credentials)
        async with KafkaClient(self._network, self._bootstrap, client_id="ottla-sql", security=security) as client:
            yield client


def user_security(security: ClientSecurity, credentials: Credentials) -> ClientSecurity:
    """The same way to the cluster, as that user. `Refusal`: it knows no users."""
    if security.mechanism is None or security.mechanism == OAUTHBEARER:
        raise Refusal(400, "BAD_REQUEST", "users are not known here", "ask without a user and a password")
    module = PLAIN_LOGIN_MODULE if security.mechanism == "PLAIN" else SCRAM_LOGIN_MODULE
    options = {"username": credentials.user, "password": credentials.password}
    return replace(security, login=JaasEntry(module, options))


def _user(security: ClientSecurity) -> str:
    assert security.login is not None
    return security.login.options.get("username", "its client")
