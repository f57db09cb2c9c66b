"""How a client shows who it is: the security settings of Kafka's `client.properties`.

security.protocol   PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL
sasl.mechanism      PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER
sasl.jaas.config    …LoginModule required username="alice" password="…" [tokenauth="true"];
                    …OAuthBearerLoginModule required token="…";   the token itself (Ottla's own option), or
                    unsecuredLoginStringClaim_sub="alice";        one without a signature, for trying
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.clients.errors import ClientError
from ottla.protocol.sasl.oauthbearer import MECHANISM as OAUTHBEARER
from ottla.protocol.sasl.oauthbearer import OAuthBearerClient
from ottla.protocol.sasl.plain import MECHANISM as PLAIN
from ottla.protocol.sasl.plain import PlainClient
from ottla.protocol.sasl.scram import SCRAM_MECHANISMS, ScramClient
from ottla.runtime.base64url import base64url_text
from ottla.runtime.config.definition import ConfigError, Value
from ottla.runtime.config.endpoints import SECURITY_PROTOCOLS
from ottla.runtime.config.jaas import JaasEntry, JaasError, parse_jaas

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from ottla.protocol.sasl.exchange import ClientExchange
    from ottla.runtime.network import Receiver

MECHANISMS: Final = (PLAIN, *SCRAM_MECHANISMS, OAUTHBEARER)
UNSECURED_LIFETIME_SECONDS: Final = 3600
_NONCE_BYTES: Final = 24


class SecurityConfigError(ClientError):
    """A security setting is wrong. The text never holds a secret."""


@dataclass(frozen=True, slots=True)
class ClientSecurity:
    protocol: str = "PLAINTEXT"
    mechanism: str | None = None
    login: JaasEntry | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    def receiver(self, connection: Receiver, host: str) -> Receiver:
        """What the socket's bytes go into: the connection, behind TLS if there is any."""
        if self.tls is None:
            return connection
        from ottla.runtime.tls import TlsTransport

        return TlsTransport(self.tls, connection, server_hostname=host)

    def exchange(self) -> ClientExchange | None:
        """A new SASL exchange; `None` where the protocol has none."""
        if self.mechanism is None or self.login is None:
            return None
        options = self.login.options
        if self.mechanism == OAUTHBEARER:
            return OAuthBearerClient(options.get("token") or _unsecured_token(options))
        name, password = options.get("username"), options.get("password")
        if not name or not password:
            raise SecurityConfigError("sasl.jaas.config: username and password are needed")
        if self.mechanism == PLAIN:
            return PlainClient(name, password)
        token = options.get("tokenauth", "").lower() == "true"
        nonce = secrets.token_hex(_NONCE_BYTES)
        return ScramClient(SCRAM_MECHANISMS[self.mechanism], name, password, nonce, token=token)


NO_SECURITY: Final = ClientSecurity()


def client_security(properties: Mapping[str, str]) -> ClientSecurity:
    """Raises `SecurityConfigError`."""
    protocol = properties.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in SECURITY_PROTOCOLS:
        raise SecurityConfigError(f"security.protocol is {protocol}: it must be of {', '.join(SECURITY_PROTOCOLS)}")
    tls = _tls_context(properties) if protocol.endswith("SSL") else None
    if not protocol.startswith("SASL_"):
        return ClientSecurity(protocol, tls=tls)
    mechanism = properties.get("sasl.mechanism", "GSSAPI").upper()
    if mechanism not in MECHANISMS:
        raise SecurityConfigError(f"sasl.mechanism is {mechanism}: it must be of {', '.join(MECHANISMS)}")
    text = properties.get("sasl.jaas.config")
    if text is None:
        raise SecurityConfigError(f"{protocol} needs sasl.jaas.config")
    try:
        return ClientSecurity(protocol, mechanism, parse_jaas(text), tls)
    except JaasError as error:
        raise SecurityConfigError(f"sasl.jaas.config: {error}") from None


def _tls_context(properties: Mapping[str, str]) -> ssl.SSLContext:
    from ottla.runtime.config.broker import BROKER_CONFIGS
    from ottla.runtime.tls_context import client_context

    def setting(name: str) -> Value:
        definition = BROKER_CONFIGS[name]  # clients have the same settings
        text = properties.get(name)
        default = definition.default
        if text is None:
            assert default is None or isinstance(default, bool | int | float | str | tuple)
            return default
        return definition.parse(text)

    try:
        return client_context(setting)
    except ConfigError as error:
        raise SecurityConfigError(str(error)) from None


def _unsecured_token(options: Mapping[str, str]) -> str:
    name = options.get("unsecuredLoginStringClaim_sub")
    if not name:
        raise SecurityConfigError("sasl.jaas.config: token, or unsecuredLoginStringClaim_sub, is needed")
    now = time.time()
    claims = {"sub": name, "iat": now, "exp": now + UNSECURED_LIFETIME_SECONDS}
    parts = (base64url_text(json.dumps(part).encode()) for part in ({"alg": "none"}, claims))
    return ".".join(parts) + "."
