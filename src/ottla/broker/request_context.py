"""What a handler may know of a request beside its body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeAlias

from ottla.protocol.message import Response

if TYPE_CHECKING:
    from ottla.broker.produce_envelope import ProduceEnvelope
    from ottla.broker.request_counts import Timing

ANONYMOUS = "User:ANONYMOUS"
FIRST_RUN_REQUESTS = 32


def _no_one_to_mute(_: int) -> None:
    """A connection that only a test has."""


class ClientConnection:
    """A client's connection as handlers see it: who is there, and through which door."""

    __slots__ = (
        "client_host",
        "client_port",
        "client_software_name",
        "client_software_version",
        "envelope",
        "listener",
        "mute",
        "on_closed",
        "principal",
        "run_requests",
        "security_protocol",
        "timings",
        "token_authenticated",
    )

    def __init__(
        self,
        *,
        client_host: str,
        client_port: int,
        listener: str,
        principal: str = ANONYMOUS,
        security_protocol: str = "PLAINTEXT",
    ) -> None:
        self.client_host = client_host
        self.client_port = client_port
        self.listener = listener
        self.principal = principal
        self.security_protocol = security_protocol
        self.mute: Callable[[int], None] = _no_one_to_mute
        """Leave the connection unread for so many milliseconds, after the answer (KIP-219)."""
        self.token_authenticated = False  # with a delegation token, which may not make further ones
        self.on_closed: dict[Hashable, Callable[[], None]] = {}  # whoever wants to know that the client is gone
        self.envelope: ProduceEnvelope | None = None  # that of its last produce request
        self.run_requests = FIRST_RUN_REQUESTS
        """How many produce requests are looked at together next time (`ProduceRuns`)."""
        self.timings: list[Timing] = []  # of requests that are timed, until their answers are sent
        self.client_software_name = "unknown"  # until ApiVersions v3+ tells (KIP-511)
        self.client_software_version = "unknown"


class RequestContext:
    """One request: its header, and the connection that it came by."""

    __slots__ = ("api_key", "api_version", "client_id", "connection", "correlation_id", "timing")

    def __init__(
        self, api_key: int, api_version: int, correlation_id: int, client_id: str | None, connection: ClientConnection
    ) -> None:
        self.api_key = api_key
        self.api_version = api_version
        self.correlation_id = correlation_id
        self.client_id = client_id
        self.connection = connection
        self.timing: Timing | None = None
        """Of the few requests that are timed."""

    @property
    def client_host(self) -> str:
        return self.connection.client_host

    @property
    def listener(self) -> str:
        return self.connection.listener

    @property
    def principal(self) -> str:
        return self.connection.principal

    def __repr__(self) -> str:
        return (
            f"request {self.api_key} v{self.api_version} (correlation id {self.correlation_id}, client id "
            f"{self.client_id!r}) from {self.client_host} on {self.listener}"
        )


# `None`: no answer (acks=0). An awaitable parks the connection; it is cancelled when the connection goes away.
# A handler takes its own request class: the table cannot say so (a parameter's type is contravariant).
Answer: TypeAlias = Response | Awaitable[Response | None] | None
Handler: TypeAlias = Callable[[RequestContext, Any], Answer]
