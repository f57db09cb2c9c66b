"""What each listener asks of who comes in, made from the configuration at the start. Keys and certificates may change
while the node runs, by their files or by their settings (KIP-226); connections that are open stay as they are.

PLAINTEXT        nothing
SASL_PLAINTEXT   a SASL exchange (`broker/authentication`)
SSL              TLS, and a certificate, if `ssl.client.auth` says so
SASL_SSL         both; the principal is that of the SASL exchange
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ottla.metadata.controller.delegation_tokens import TokenSettings
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.dynamic import OF_ONE_LISTENER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.broker.authentication.mechanisms import ListenerMechanisms
    from ottla.broker.authentication.sasl_entrance import SaslEntrance
    from ottla.broker.authentication.tls_principal import PrincipalMapper
    from ottla.broker.connection import Connection
    from ottla.broker.dispatcher import Dispatcher
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.endpoints import Endpoint
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.network import Receiver
    from ottla.runtime.time import Clock, Timers
    from ottla.runtime.tls_context import TlsContexts


@dataclass(slots=True, kw_only=True)
class ListenerSecurity:
    protocol: str = "PLAINTEXT"
    mechanisms: ListenerMechanisms | None = None
    failed_authentication_delay_ms: int = 0
    max_unknown_bytes: int = 0
    """`sasl.server.max.receive.size`: the largest request before authentication."""
    clock: Clock | None = None
    tls: TlsContexts | None = None
    mapper: PrincipalMapper | None = None

    def receiver(self, connection: Connection) -> Receiver:
        """What the socket's bytes go into: the connection, behind TLS if there is any."""
        if self.tls is None or self.clock is None:
            return connection
        from ottla.runtime.tls import TlsTransport

        return TlsTransport(
            self.tls.current(self.clock.monotonic_ms() / 1000),
            connection,
            secured=lambda secured: self._identify(connection, secured),
        )

    def _identify(self, connection: Connection, secured: ssl.SSLObject) -> None:
        if self.mapper is None or self.mechanisms is not None:
            return
        try:
            connection.identified(self.mapper.principal(secured.getpeercert()))
        except ValueError as error:
            raise ssl.SSLError(str(error)) from None

    def entrance(self, dispatcher: Dispatcher, timers: Timers) -> SaslEntrance | None:
        """For one connection."""
        if self.mechanisms is None or self.clock is None:
            return None
        from ottla.broker.authentication.sasl_entrance import SaslEntrance

        return SaslEntrance(dispatcher, self.mechanisms, self.clock, timers, self.failed_authentication_delay_ms)


def token_settings(config: ServerConfig) -> TokenSettings | None:
    """`None`: there are no delegation tokens, as long as `delegation.token.secret.key` is not set."""
    secret_key = config.get_optional_str("delegation.token.secret.key")
    if not secret_key:
        return None
    return TokenSettings(
        secret_key=secret_key,
        max_lifetime_ms=config.get_int("delegation.token.max.lifetime.ms"),
        expiry_time_ms=config.get_int("delegation.token.expiry.time.ms"),
    )


def listener_security(
    config: ServerConfig, image: Callable[[], MetadataImage], clock: Clock, endpoints: Sequence[Endpoint] | None = None
) -> dict[str, ListenerSecurity]:
    """By the listener's name, of the broker's listeners unless others are given. Raises `ConfigError`."""
    found = {}
    for endpoint in config.broker_listeners if endpoints is None else endpoints:
        name, protocol = endpoint.listener_name, endpoint.security_protocol
        security = ListenerSecurity(protocol=protocol, clock=clock)
        if protocol.startswith("SASL_"):
            from ottla.broker.authentication.mechanisms import ListenerMechanisms, ScramDirectory
            from ottla.broker.authentication.oauth import make_validator

            directory = ScramDirectory(image, token_settings(config))
            security.mechanisms = ListenerMechanisms(config, name, directory, make_validator(clock))
            security.failed_authentication_delay_ms = config.get_int("connection.failed.authentication.delay.ms")
            security.max_unknown_bytes = config.get_int("sasl.server.max.receive.size")
        if protocol.endswith("SSL"):
            from ottla.broker.authentication.tls_principal import PrincipalMapper

            security.tls = tls_of(config, name)
            security.mapper = PrincipalMapper(str(config.listener_override(name, "ssl.principal.mapping.rules")))
        found[name] = security
    return found


def tls_of(config: ServerConfig, listener_name: str) -> TlsContexts:
    """Raises `ConfigError` when the stores cannot be read."""
    from ottla.runtime.tls_context import server_contexts

    return server_contexts(partial(config.listener_override, listener_name))


def renew_stores(
    listeners: Mapping[str, ListenerSecurity], before: ServerConfig, after: ServerConfig, report: Callable[[str], None]
) -> None:
    """Take over keys and certificates that the settings have elsewhere now. What cannot be read is reported."""
    for name, security in listeners.items():
        if security.tls is None or not stores_differ(before, after, name):
            continue
        try:
            security.tls = tls_of(after, name)
        except ConfigError as error:
            report(f"listener {name} goes on with the certificates it had: {error}")


def stores_differ(before: ServerConfig, after: ServerConfig, listener_name: str) -> bool:
    return any(
        before.listener_override(listener_name, key) != after.listener_override(listener_name, key)
        for key in OF_ONE_LISTENER
    )
