"""The SASL mechanisms of a listener: what `server.properties` says of each, made into exchanges with clients.

    listener.name.<listener>.sasl.enabled.mechanisms             PLAIN,SCRAM-SHA-256,…
    listener.name.<listener>.<mechanism>.sasl.jaas.config        the login module and its options
    listener.name.<listener>.<mechanism>.connections.max.reauth.ms

Names and mechanisms in lower case. SCRAM asks the metadata: credentials by user, delegation tokens by id. KIP-12, 84,
48, 255, 368; Kafka's `SaslChannelBuilder`, `ScramServerCallbackHandler`, `PlainServerCallbackHandler`.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from ottla.protocol.sasl.exchange import Identity, ServerExchange
from ottla.protocol.sasl.oauthbearer import MECHANISM as OAUTHBEARER
from ottla.protocol.sasl.oauthbearer import OAuthBearerServer
from ottla.protocol.sasl.plain import MECHANISM as PLAIN
from ottla.protocol.sasl.plain import PlainServer
from ottla.protocol.sasl.scram import (
    MIN_ITERATIONS,
    SCRAM_MECHANISMS,
    ScramCredential,
    ScramMechanism,
    ScramServer,
    ScramUser,
    credential_of,
    salted_password,
)
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.jaas import PLAIN_LOGIN_MODULE, JaasEntry, JaasError, parse_jaas

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.metadata.controller.delegation_tokens import TokenSettings
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.server_config import ServerConfig

SUPPORTED: Final = (PLAIN, *SCRAM_MECHANISMS, OAUTHBEARER)
HIDDEN: Final = "[hidden]"
MAX_TOKEN_CREDENTIALS: Final = 10_000
_NONCE_BYTES: Final = 24


class ScramDirectory:
    """Finds the credential of a user, or of a delegation token, in the newest metadata."""

    def __init__(self, image: Callable[[], MetadataImage], tokens: TokenSettings | None) -> None:
        self._image = image
        self._tokens = tokens
        self._token_credentials: dict[tuple[ScramMechanism, str], ScramCredential] = {}

    def find(self, mechanism: ScramMechanism, name: str, is_token: bool) -> ScramUser | None:
        if is_token:
            return self._find_token(mechanism, name)
        record = self._image().scram.credentials.get((int(mechanism), name))
        if record is None:
            return None
        credential = ScramCredential(record.salt, record.stored_key, record.server_key, record.iterations)
        return ScramUser(Identity(name), credential)

    def _find_token(self, mechanism: ScramMechanism, token_id: str) -> ScramUser | None:
        token = self._image().delegation_tokens.by_id.get(token_id)
        if token is None or self._tokens is None:
            return None
        credential = self._token_credentials.get((mechanism, token_id))
        if credential is None:
            password = base64.b64encode(self._tokens.hmac_of(token_id)).decode()
            salt = secrets.token_bytes(16)
            salted = salted_password(mechanism, password, salt, MIN_ITERATIONS)
            if len(self._token_credentials) >= MAX_TOKEN_CREDENTIALS:
                self._token_credentials.clear()
            credential = credential_of(mechanism, salted, salt, MIN_ITERATIONS)
            self._token_credentials[mechanism, token_id] = credential
        kind, _, name = token.owner.partition(":")
        identity = Identity(name, kind, expires_ms=token.expiration_timestamp, token_authenticated=True)
        return ScramUser(identity, credential)


class ListenerMechanisms:
    """`names` in the order of the configuration; `make` begins an exchange. Raises `ConfigError`."""

    def __init__(
        self,
        config: ServerConfig,
        listener: str,
        directory: ScramDirectory,
        make_validator: Callable[[ServerConfig, str, JaasEntry | None], Callable[[str], Identity]],
    ) -> None:
        enabled = config.listener_override(listener, "sasl.enabled.mechanisms")
        self.names: tuple[str, ...] = enabled if isinstance(enabled, tuple) else ()
        self._makers: dict[str, Callable[[], ServerExchange]] = {}
        self._max_reauth_ms: dict[str, int] = {}
        for name in self.names:
            if name not in SUPPORTED:
                allowed = f"of each listener with SASL it must be of {', '.join(SUPPORTED)}"
                raise ConfigError("sasl.enabled.mechanisms", name, allowed)
            value = config.mechanism_override(listener, name, "connections.max.reauth.ms")
            self._max_reauth_ms[name] = value if isinstance(value, int) else 0
            self._makers[name] = self._maker(config, listener, name, directory, make_validator)
        if not self.names:
            raise ConfigError("sasl.enabled.mechanisms", "", f"the listener {listener} needs at least one")

    def make(self, mechanism: str) -> ServerExchange:
        return self._makers[mechanism]()

    def max_reauth_ms(self, mechanism: str) -> int:
        """How long a session may last (KIP-368); 0: as long as the connection."""
        return self._max_reauth_ms[mechanism]

    def _maker(
        self,
        config: ServerConfig,
        listener: str,
        name: str,
        directory: ScramDirectory,
        make_validator: Callable[[ServerConfig, str, JaasEntry | None], Callable[[str], Identity]],
    ) -> Callable[[], ServerExchange]:
        entry = jaas_entry(config, listener, name)
        if name == PLAIN:
            check = plain_users(listener, entry)
            return lambda: PlainServer(check)
        if name == OAUTHBEARER:
            validate = make_validator(config, listener, entry)
            return lambda: OAuthBearerServer(validate)
        mechanism = SCRAM_MECHANISMS[name]
        return lambda: ScramServer(
            mechanism, secrets.token_hex(_NONCE_BYTES), lambda user, token: directory.find(mechanism, user, token)
        )


def jaas_entry(config: ServerConfig, listener: str, mechanism: str) -> JaasEntry | None:
    """`listener.name.<listener>.<mechanism>.sasl.jaas.config`; no broker reads one without both prefixes."""
    key = f"listener.name.{listener.lower()}.{mechanism.lower()}.sasl.jaas.config"
    text = config.static.get(key)
    if text is None:
        return None
    try:
        return parse_jaas(text)
    except JaasError as error:
        raise ConfigError(key, HIDDEN, str(error)) from None


def plain_users(listener: str, entry: JaasEntry | None) -> Callable[[str, str], bool]:
    """Checks names and passwords against `user_NAME="PASSWORD"` of the login module."""
    key = f"listener.name.{listener.lower()}.plain.sasl.jaas.config"
    if entry is None or entry.module != PLAIN_LOGIN_MODULE:
        raise ConfigError(key, HIDDEN, f'PLAIN needs {PLAIN_LOGIN_MODULE} required user_NAME="PASSWORD";')
    users = {
        option.removeprefix("user_"): password.encode()
        for option, password in entry.options.items()
        if option.startswith("user_")
    }

    def check(name: str, password: str) -> bool:
        expected = users.get(name)
        given = password.encode()
        return hmac.compare_digest(expected if expected is not None else given + b"!", given)

    return check
