"""Whose a bearer token is: its signature against the keys of `sasl.oauthbearer.jwks.endpoint.url`, its claims against
what the listener expects. KIP-768; Kafka's `BrokerJwtValidator`, `RefreshingHttpsJwks`.

    listener.name.<l>.oauthbearer.sasl.server.callback.handler.class
        …OAuthBearerValidatorCallbackHandler              signed tokens (the optional package `ottla[oauth]`)
        …OAuthBearerUnsecuredValidatorCallbackHandler     unsigned ones, for trying only: must be asked for by name

Keys come from a file (file://) or over HTTP, in a thread; they are read again after
`sasl.oauthbearer.jwks.endpoint.refresh.ms`, and sooner when a token names a key that is not known.
"""

from __future__ import annotations

import json
import logging
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.protocol.sasl.exchange import Identity, SaslError
from ottla.runtime.base64url import base64url_from_text
from ottla.runtime.config.definition import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.runtime.config.jaas import JaasEntry
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.time import Clock

UNSECURED: Final = (
    "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
)
SECURED: Final = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
MAX_JWKS_BYTES: Final = 1024 * 1024
MAX_KEYS: Final = 1000
MIN_REFRESH_INTERVAL_MS: Final = 10_000
HTTP_TIMEOUT_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


def make_validator(
    clock: Clock,
) -> Callable[[ServerConfig, str, JaasEntry | None], Callable[[str], Identity]]:
    """What `ListenerMechanisms` asks for OAUTHBEARER. It raises `ConfigError`."""

    def make(config: ServerConfig, listener: str, entry: JaasEntry | None) -> Callable[[str], Identity]:
        def setting(name: str) -> Any:
            return config.mechanism_override(listener, "OAUTHBEARER", name)

        handler = setting("sasl.server.callback.handler.class")
        if handler == UNSECURED:
            return UnsecuredTokens(clock, {} if entry is None else entry.options).validate
        key = "sasl.server.callback.handler.class"
        if handler not in (None, SECURED):
            raise ConfigError(key, str(handler), f"it must be {SECURED} or {UNSECURED}")
        url = setting("sasl.oauthbearer.jwks.endpoint.url")
        if not url:
            allowed = f"OAUTHBEARER needs sasl.oauthbearer.jwks.endpoint.url, or {UNSECURED} to try it without"
            raise ConfigError(key, str(handler), allowed)
        return SignedTokens(
            JsonWebKeys(str(url), int(setting("sasl.oauthbearer.jwks.endpoint.refresh.ms")), clock), setting
        ).validate

    return make


class JsonWebKeys:
    """The keys of a JWKS, by id. `ConfigError` when they cannot be had at the start."""

    def __init__(self, url: str, refresh_ms: int, clock: Clock) -> None:
        self._url = url
        self._refresh_ms = refresh_ms
        self._clock = clock
        self._keys: list[_Key] = []
        self._read_ms = -1.0
        self._refreshing = False
        if urllib.parse.urlsplit(url).scheme not in ("file", "http", "https"):
            raise ConfigError("sasl.oauthbearer.jwks.endpoint.url", url, "it must be file://, http:// or https://")
        try:
            import jwt  # noqa: F401  # is it there?
        except ImportError:
            needs = "OAUTHBEARER with signed tokens needs an optional package: pip install 'ottla[oauth]'"
            raise ConfigError("sasl.oauthbearer.jwks.endpoint.url", url, needs) from None
        try:
            self._keys = self._read()
        except (OSError, ValueError) as error:
            raise ConfigError("sasl.oauthbearer.jwks.endpoint.url", url, f"no keys can be read: {error}") from None
        self._read_ms = clock.monotonic_ms()

    def find(self, key_id: str | None, algorithm: str) -> list[Any]:
        """The keys that may have signed: the one of that id, or, where none is named, every one of the algorithm's
        kind. When there is none, they are read again before the next one asks."""
        age_ms = self._clock.monotonic_ms() - self._read_ms
        kind = "EC" if algorithm.startswith("ES") else "RSA"
        found = [key.key for key in self._keys if (key.kind == kind if key_id is None else key.key_id == key_id)]
        if age_ms > (self._refresh_ms if found else MIN_REFRESH_INTERVAL_MS) and not self._refreshing:
            self._refreshing = True
            threading.Thread(target=self._refresh, name="jwks", daemon=True).start()
        return found

    def _refresh(self) -> None:
        try:
            self._keys = self._read()
        except (OSError, ValueError) as error:
            _log.warning("the keys of %s cannot be read: %s", self._url, error)
        self._read_ms = self._clock.monotonic_ms()
        self._refreshing = False

    def _read(self) -> list[_Key]:
        import jwt

        parts = urllib.parse.urlsplit(self._url)
        if parts.scheme == "file":
            content = Path(urllib.request.url2pathname(parts.path)).read_bytes()
        else:
            with urllib.request.urlopen(self._url, timeout=HTTP_TIMEOUT_SECONDS) as answer:
                content = answer.read(MAX_JWKS_BYTES + 1)
        if len(content) > MAX_JWKS_BYTES:
            raise ValueError(f"a JWKS of more than {MAX_JWKS_BYTES} bytes")
        document = json.loads(content)
        entries = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(entries, list):
            raise ValueError("this is no JWKS")
        keys = []
        for number, entry in enumerate(entries[:MAX_KEYS]):
            if not isinstance(entry, dict) or entry.get("kty") not in ("RSA", "EC") or entry.get("use", "sig") != "sig":
                continue
            try:
                keys.append(_Key(entry.get("kid"), entry["kty"], jwt.PyJWK(entry).key))
            except jwt.PyJWTError as error:
                raise ValueError(f"key {number} cannot be read: {error}") from None
        return keys


class _Key(NamedTuple):
    key_id: str | None
    kind: str
    """RSA, EC."""
    key: Any


class SignedTokens:
    """`setting`: the value of a broker config for the listener and OAUTHBEARER."""

    def __init__(self, keys: JsonWebKeys, setting: Callable[[str], Any]) -> None:
        self._keys = keys
        self._audience = list(setting("sasl.oauthbearer.expected.audience") or ()) or None
        self._issuer = setting("sasl.oauthbearer.expected.issuer")
        self._skew_seconds = int(setting("sasl.oauthbearer.clock.skew.seconds"))
        self._name_claim = str(setting("sasl.oauthbearer.sub.claim.name"))

    def validate(self, token: str) -> Identity:
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise SaslError("Authentication failed: the token's algorithm is not allowed")
            keys = self._keys.find(header.get("kid"), header["alg"])
            claims = self._claims(token, keys)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise SaslError(f"Authentication failed: the token is not valid ({type(error).__name__})") from None
        _check_scopes(claims)
        return _identity(claims, self._name_claim)

    def _claims(self, token: str, keys: list[Any]) -> dict[str, Any]:
        """By the first key that has signed it."""
        import jwt

        refusal: Exception = SaslError("Authentication failed: the token's key is not known")
        for key in keys:
            try:
                claims: dict[str, Any] = jwt.decode(
                    token,
                    key,
                    algorithms=list(ALGORITHMS),
                    audience=self._audience,
                    issuer=self._issuer,
                    leeway=self._skew_seconds,
                    options={"require": ["exp", "iat"], "verify_aud": self._audience is not None},
                )
            except jwt.InvalidSignatureError as error:
                refusal = error
            else:
                return claims
        raise refusal


class UnsecuredTokens:
    """Tokens without a signature: whoever writes one is believed."""

    def __init__(self, clock: Clock, options: dict[str, str]) -> None:
        self._clock = clock
        self._name_claim = options.get("unsecuredValidatorPrincipalClaimName", "sub")
        self._skew_ms = int(options.get("unsecuredValidatorAllowableClockSkewMs", "0"))
        self._scopes = set(options.get("unsecuredValidatorRequiredScope", "").split())

    def validate(self, token: str) -> Identity:
        header, claims = _unsigned(token)
        if header.get("alg") != "none":
            raise SaslError("Authentication failed: an unsecured token must have no signature")
        identity = _identity(claims, self._name_claim)
        now_ms = self._clock.now_ms()
        issued = claims.get("iat")
        if identity.expires_ms is None or now_ms - self._skew_ms >= identity.expires_ms:
            raise SaslError("Authentication failed: the token has expired")
        if isinstance(issued, int | float) and now_ms + self._skew_ms < issued * 1000:
            raise SaslError("Authentication failed: the token is not valid yet")
        scope = claims.get("scope", "")
        given = set(scope.split()) if isinstance(scope, str) else set(scope) if isinstance(scope, list) else set()
        if not self._scopes <= given:
            raise SaslError("Authentication failed: the token lacks a scope")
        return identity


def _unsigned(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = token.split(".")
    if len(parts) != 3 or parts[2]:
        raise SaslError("Authentication failed: this is no unsecured token")
    try:
        header, claims = (json.loads(base64url_from_text(part)) for part in parts[:2])
    except ValueError:
        raise SaslError("Authentication failed: the token cannot be read") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise SaslError("Authentication failed: the token cannot be read")
    return header, claims


def _check_scopes(claims: dict[str, Any]) -> None:
    """Whoever names scopes names each once, and none without a name. Kafka's `ClaimValidationUtils`."""
    scope = claims.get("scope")
    named = [scope] if isinstance(scope, str) else scope if isinstance(scope, list) else []
    scopes = [one.strip() if isinstance(one, str) else "" for one in named]
    if not all(scopes) or len(set(scopes)) < len(scopes):
        raise SaslError("Authentication failed: a scope of the token is empty, or stands there twice")


def _identity(claims: dict[str, Any], name_claim: str) -> Identity:
    name, expires = claims.get(name_claim), claims.get("exp")
    if not isinstance(name, str) or not name.strip():
        raise SaslError(f"Authentication failed: the token has no {name_claim}")
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        raise SaslError("Authentication failed: the token has no end")
    return Identity(name, expires_ms=int(expires * 1000))
