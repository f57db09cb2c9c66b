"""Where the REST API is served (`listeners`, `admin.listeners`), and with which TLS (`listeners.https.ssl.…`).

Of the settings with the prefix all count or none: if there is any, the worker's own `ssl.…` are not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from ottla.connect.api.errors import ConfigError
from ottla.runtime.config.definition import ConfigError as RuntimeConfigError
from ottla.runtime.http_server import HTTP, HTTPS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from ottla.runtime.tls_context import TlsContexts

PREFIX: Final = "listeners.https."
ADMIN_PREFIX: Final = "admin.listeners.https."


class Listener(NamedTuple):
    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, key: str, text: str) -> Listener:
        """`ConfigError` names the key."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        scheme = parts.scheme.lower()
        if scheme not in (HTTP, HTTPS) or port is None:
            raise ConfigError.of(key, text, "write http://HOST:PORT or https://HOST:PORT")
        return cls(scheme, parts.hostname or "0.0.0.0", port)


def server_tls(properties: Mapping[str, str], prefix: str = PREFIX) -> TlsContexts:
    """`ConfigError` names what is missing or wrong."""
    from ottla.runtime.tls_context import server_contexts, text_setting

    given, used = _given(properties, prefix)
    try:
        return server_contexts(text_setting(given))
    except RuntimeConfigError as error:
        raise ConfigError.of(used + error.key, error.value, error.allowed) from error


def client_tls(properties: Mapping[str, str]) -> ssl.SSLContext:
    """What a worker meets others with. `ConfigError`."""
    from ottla.runtime.tls_context import client_context, text_setting

    given, used = _given(properties, PREFIX)
    try:
        return client_context(text_setting(given))
    except RuntimeConfigError as error:
        raise ConfigError.of(used + error.key, error.value, error.allowed) from error


def _given(properties: Mapping[str, str], prefix: str) -> tuple[Mapping[str, str], str]:
    own = {key.removeprefix(prefix): text for key, text in properties.items() if key.startswith(prefix)}
    return (own, prefix) if own else (properties, "")
