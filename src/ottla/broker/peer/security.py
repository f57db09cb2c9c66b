"""How this node proves who it is to another one's listener, and whom it trusts there: TLS and SASL of that listener.

listener.name.<l>.ssl.*                              truststore, and the key with which other nodes know this one
sasl.mechanism.controller.protocol                   the mechanism at controllers' listeners
sasl.mechanism.inter.broker.protocol                 at brokers'
listener.name.<l>.<mechanism>.sasl.jaas.config       username="…" password="…", beside what the listener itself reads

The settings are those of the listener of the same name on this node, whether it has one or not (KIP-103).
"""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Final

from ottla.broker.authentication.mechanisms import jaas_entry
from ottla.protocol.sasl.oauthbearer import OAuthBearerClient
from ottla.protocol.sasl.plain import PlainClient
from ottla.protocol.sasl.scram import SCRAM_MECHANISMS, ScramClient
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.tls_context import HIDDEN, TlsContexts, peer_contexts

if TYPE_CHECKING:
    from ottla.protocol.sasl.exchange import ClientExchange
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.network import Receiver
    from ottla.runtime.time import Clock

PLAIN: Final = "PLAIN"
OAUTHBEARER: Final = "OAUTHBEARER"
CONTROLLER_MECHANISM: Final = "sasl.mechanism.controller.protocol"
INTER_BROKER_MECHANISM: Final = "sasl.mechanism.inter.broker.protocol"
_NONCE_BYTES: Final = 24


class ListenerClient:
    """A `PeerSecurity`."""

    def __init__(self, clock: Clock, tls: TlsContexts | None, mechanism: str | None, options: dict[str, str]) -> None:
        self.mechanism = mechanism
        self._clock = clock
        self._tls = tls
        self._options = options

    def receiver(self, connection: Receiver, host: str) -> Receiver:
        if self._tls is None:
            return connection
        from ottla.runtime.tls import TlsTransport

        return TlsTransport(self._tls.current(self._clock.monotonic_ms() / 1000), connection, server_hostname=host)

    def exchange(self) -> ClientExchange | None:
        if self.mechanism is None:
            return None
        options = self._options
        if self.mechanism == OAUTHBEARER:
            return OAuthBearerClient(options["token"])
        if self.mechanism == PLAIN:
            return PlainClient(options["username"], options["password"])
        nonce = secrets.token_hex(_NONCE_BYTES)
        return ScramClient(SCRAM_MECHANISMS[self.mechanism], options["username"], options["password"], nonce)


def controller_peer_security(config: ServerConfig, clock: Clock) -> ListenerClient | None:
    """For the controllers' listener; `None` where it is PLAINTEXT. Raises `ConfigError`."""
    names = config.controller_listener_names
    return peer_security(config, names[0], CONTROLLER_MECHANISM, clock) if names else None


def inter_broker_peer_security(config: ServerConfig, clock: Clock) -> ListenerClient | None:
    """For the brokers' listener; `None` where it is PLAINTEXT. Raises `ConfigError`."""
    return peer_security(config, config.inter_broker_listener_name, INTER_BROKER_MECHANISM, clock)


def peer_security(config: ServerConfig, listener: str, mechanism_key: str, clock: Clock) -> ListenerClient | None:
    protocol = config.security_protocols.get(listener, "PLAINTEXT")
    if protocol == "PLAINTEXT":
        return None
    tls = peer_contexts(partial(config.listener_override, listener)) if protocol.endswith("SSL") else None
    if not protocol.startswith("SASL_"):
        return ListenerClient(clock, tls, None, {})
    mechanism = config.get_str(mechanism_key).upper()
    if mechanism not in (PLAIN, OAUTHBEARER, *SCRAM_MECHANISMS):
        allowed = f"{PLAIN}, {', '.join(SCRAM_MECHANISMS)}, {OAUTHBEARER}"
        raise ConfigError(mechanism_key, mechanism, f"it must be one of {allowed}")
    entry = jaas_entry(config, listener, mechanism)
    options = {} if entry is None else entry.options
    needed = ("token",) if mechanism == OAUTHBEARER else ("username", "password")
    if any(not options.get(name) for name in needed):
        key = f"listener.name.{listener.lower()}.{mechanism.lower()}.sasl.jaas.config"
        raise ConfigError(key, HIDDEN, f"this node needs {' and '.join(needed)} to speak with others")
    return ListenerClient(clock, tls, mechanism, options)
