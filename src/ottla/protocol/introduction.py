"""How a client opens a connection: ask which versions are spoken, then say who it is. Sans I/O.

KIP-35, 43, 152, 368, 511.

steps = introduce("0.1.0", exchange, "PLAIN")
step = next(steps)
while True: send step.request in step.version; step = steps.send(the answer)      # StopIteration.value: `Introduced`

A session that ends (KIP-368) goes on after `authenticate`, on the same connection.
"""

from collections.abc import Generator, Mapping
from typing import NamedTuple, TypeAlias

from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.api.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, error_code
from ottla.protocol.message import Request, Response
from ottla.protocol.sasl.exchange import ClientExchange, SaslError

SOFTWARE_NAME = "ottla"

SpokenVersions: TypeAlias = Mapping[int, tuple[int, int]]
"""API key -> oldest and latest version that the other side speaks."""


class IntroductionError(Exception):
    """The other side does not want to speak with us."""


class NotBelievedError(IntroductionError):
    """It does not believe who we are, or does not take the mechanism."""


class Step(NamedTuple):
    request: Request
    response_class: type[Response]
    version: int


class Introduced(NamedTuple):
    """`session_lifetime_ms`: when to authenticate again; 0: never."""

    versions: SpokenVersions
    session_lifetime_ms: int = 0


Introduction: TypeAlias = Generator[Step, Response, Introduced]


def introduce(software_version: str, exchange: ClientExchange | None, mechanism: str | None) -> Introduction:
    versions = yield from _learn_versions(software_version)
    if exchange is None:
        return Introduced(versions)
    return (yield from authenticate(exchange, mechanism or "", versions))


def newest_version(request_class: type[Request], spoken: SpokenVersions) -> int | None:
    """The newest that both sides speak; `None` if there is none."""
    oldest, latest = spoken.get(request_class.api_key, (0, -1))
    version = min(request_class.versions.latest, latest)
    return version if version >= max(request_class.versions.oldest, oldest) else None


def _learn_versions(software_version: str) -> Generator[Step, Response, SpokenVersions]:
    request = ApiVersionsRequest(client_software_name=SOFTWARE_NAME, client_software_version=software_version)
    version = ApiVersionsRequest.versions.latest
    answer = yield Step(request, ApiVersionsResponse, version)
    assert isinstance(answer, ApiVersionsResponse)
    if answer.error_code == ErrorCode.UNSUPPORTED_VERSION:
        # An older broker answers in version 0, and names what it speaks (KIP-511).
        latest = next((key.max_version for key in answer.api_keys if key.api_key == ApiKey.API_VERSIONS), 0)
        answer = yield Step(request, ApiVersionsResponse, min(version, latest))
        assert isinstance(answer, ApiVersionsResponse)
    if answer.error_code != ErrorCode.NONE:
        raise IntroductionError(f"it refused ApiVersions: {error_code(answer.error_code).name}")
    return {key.api_key: (key.min_version, key.max_version) for key in answer.api_keys}


def authenticate(exchange: ClientExchange, mechanism: str, versions: SpokenVersions) -> Introduction:
    hands = yield Step(SaslHandshakeRequest(mechanism=mechanism), SaslHandshakeResponse, 1)
    assert isinstance(hands, SaslHandshakeResponse)
    if hands.error_code != ErrorCode.NONE:
        offered = ", ".join(hands.mechanisms) or "no mechanism at all"
        raise NotBelievedError(f"it does not take {mechanism}; it takes {offered}")
    version = newest_version(SaslAuthenticateRequest, versions)
    if version is None:
        raise NotBelievedError("it knows no SaslAuthenticate")
    lifetime_ms = 0
    token: bytes | None = exchange.first()
    try:
        while token is not None:
            answer = yield Step(SaslAuthenticateRequest(auth_bytes=token), SaslAuthenticateResponse, version)
            assert isinstance(answer, SaslAuthenticateResponse)
            if answer.error_code != ErrorCode.NONE:
                raise NotBelievedError(answer.error_message or error_code(answer.error_code).name)
            lifetime_ms = answer.session_lifetime_ms
            token = exchange.next(bytes(answer.auth_bytes))
    except SaslError as error:
        raise NotBelievedError(str(error)) from None
    return Introduced(versions, lifetime_ms)
