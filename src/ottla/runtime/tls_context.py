"""TLS contexts of Kafka's `ssl.*` settings, for either side. Stores are PEM files, PEM text in the settings, or Java's.

    ssl.keystore.type=PEM     ssl.keystore.location: a file with the key and its certificate chain; or
                              ssl.keystore.key and ssl.keystore.certificate.chain; ssl.key.password
    ssl.truststore.type=PEM   ssl.truststore.location, or ssl.truststore.certificates
    of the types JKS, PKCS12  the locations, ssl.keystore.password, ssl.truststore.password, ssl.key.password

A context is made anew when one of its files has changed: certificates are renewed without a restart. No text of a
setting ever stands in an error.
"""

from __future__ import annotations

import logging
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from ottla.runtime.config.definition import ConfigError, Value
from ottla.runtime.java_key_store import KeyStoreError
from ottla.runtime.key_store import KINDS, read_key, read_trusted

Setting: TypeAlias = Callable[[str], Value]
"""The value of a setting by its name; `None` where it is not set."""

HIDDEN: Final = "[hidden]"
VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
CLIENT_AUTH: Final = {"none": ssl.CERT_NONE, "requested": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
CHECK_SECONDS: Final = 1.0
"""How often the files are looked at, at most."""

_DEFAULTS: Final[Mapping[str, Value]] = {
    "ssl.enabled.protocols": ("TLSv1.2", "TLSv1.3"),
    "ssl.client.auth": "none",
    "ssl.keystore.type": "JKS",
    "ssl.truststore.type": "JKS",
    "ssl.endpoint.identification.algorithm": "https",
}

_log = logging.getLogger(__name__)


def text_setting(given: Mapping[str, str]) -> Setting:
    """Of texts under Kafka's names, with Kafka's defaults. Raises `ConfigError`."""

    def setting(name: str) -> Value:
        text = given.get(name)
        if text is None:
            return _DEFAULTS.get(name)
        if name == "ssl.enabled.protocols":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        return text

    auth = str(setting("ssl.client.auth"))
    if auth not in CLIENT_AUTH:
        raise ConfigError("ssl.client.auth", auth, f"it is one of {', '.join(CLIENT_AUTH)}")
    return setting


class TlsContexts:
    """`current(monotonic_seconds)`: the context of the files as they are now."""

    def __init__(self, make: Callable[[], ssl.SSLContext], files: list[Path]) -> None:
        """`make` raises `ConfigError` when the files are not good: the first time it is passed on."""
        self._make = make
        self._files = files
        self._stamps = self._look()
        self._context = make()
        self._looked = 0.0

    def current(self, monotonic_seconds: float) -> ssl.SSLContext:
        if monotonic_seconds - self._looked >= CHECK_SECONDS:
            self._looked = monotonic_seconds
            stamps = self._look()
            if stamps != self._stamps:
                self._stamps = stamps
                try:
                    self._context = self._make()
                except ConfigError as error:
                    _log.warning("TLS goes on with the certificates it had: %s", error)
        return self._context

    def _look(self) -> list[tuple[int, int, int] | None]:
        stamps: list[tuple[int, int, int] | None] = []
        for file in self._files:
            try:
                found = file.stat()
            except OSError:
                stamps.append(None)
            else:
                stamps.append((found.st_mtime_ns, found.st_size, found.st_ino))
        return stamps


def server_contexts(setting: Setting) -> TlsContexts:
    """Raises `ConfigError`."""

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _set_versions(context, setting)
        if not _load_key(context, setting):
            raise ConfigError("ssl.keystore.location", "", "a listener with TLS needs a key and its certificates")
        context.verify_mode = CLIENT_AUTH[str(setting("ssl.client.auth"))]
        if context.verify_mode is not ssl.CERT_NONE and not _load_trust(context, setting):
            raise ConfigError("ssl.truststore.location", "", "ssl.client.auth needs to know whom to trust")
        return context

    return TlsContexts(make, _files(setting))


def client_context(setting: Setting) -> ssl.SSLContext:
    """Without a truststore, whom the system trusts. Raises `ConfigError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _set_versions(context, setting)
    if not setting("ssl.endpoint.identification.algorithm"):
        context.check_hostname = False
    if not _load_trust(context, setting):
        context.load_default_certs()
    _load_key(context, setting)
    return context


def peer_contexts(setting: Setting) -> TlsContexts:
    """`client_context`, of a node that speaks with others for as long as it runs."""
    return TlsContexts(lambda: client_context(setting), _files(setting))


def _set_versions(context: ssl.SSLContext, setting: Setting) -> None:
    enabled = setting("ssl.enabled.protocols")
    names = enabled if isinstance(enabled, tuple) else ()
    known = [VERSIONS[name] for name in names if name in VERSIONS]
    if len(known) != len(names) or not known:
        text = ",".join(str(name) for name in names)
        raise ConfigError("ssl.enabled.protocols", text, f"it must be of {', '.join(VERSIONS)}")
    context.minimum_version, context.maximum_version = min(known), max(known)


def _files(setting: Setting) -> list[Path]:
    found = (setting(f"ssl.{store}.location") for store in ("keystore", "truststore"))
    return [Path(str(name)) for name in found if name]


def _text(setting: Setting, name: str) -> str | None:
    value = setting(name)
    return value if isinstance(value, str) and value else None


def _is_pem(setting: Setting, store: str) -> bool:
    kind = str(setting({"keystore": "ssl.keystore.type", "truststore": "ssl.truststore.type"}[store]))
    if kind.upper() not in ("PEM", *KINDS):
        raise ConfigError(f"ssl.{store}.type", kind, f"it is PEM, {' or '.join(KINDS)}")
    return kind.upper() == "PEM"


def _load_key(context: ssl.SSLContext, setting: Setting) -> bool:
    """Whether there is a key."""
    location = _text(setting, "ssl.keystore.location")
    key, chain = _text(setting, "ssl.keystore.key"), _text(setting, "ssl.keystore.certificate.chain")
    if location is None and key is None:
        return False
    is_pem = _is_pem(setting, "keystore")
    if location is None and (chain is None or not is_pem):
        needs = "ssl.keystore.key and ssl.keystore.certificate.chain belong together, and to ssl.keystore.type=PEM"
        raise ConfigError("ssl.keystore.key", HIDDEN, needs)
    password = _text(setting, "ssl.key.password")
    name = "ssl.keystore.location"
    try:
        if location is None:
            name = "ssl.keystore.key"
            _load_text(context, f"{key}\n{chain}", password or "")
        elif is_pem:
            context.load_cert_chain(location, password=password or "")
        else:
            _load_text(context, read_key(Path(location), _text(setting, "ssl.keystore.password"), password), "")
    except (OSError, ValueError) as error:  # `ssl.SSLError` is an `OSError`
        raise ConfigError(name, location or HIDDEN, f"the key cannot be read: {why_unreadable(error)}") from None
    return True


def _load_text(context: ssl.SSLContext, pem: str, password: str) -> None:
    """`ssl` reads keys from files only: one that nobody else can open, and that is gone at once."""
    with tempfile.NamedTemporaryFile("w") as file:
        Path(file.name).chmod(0o600)
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name, password=password)


def _load_trust(context: ssl.SSLContext, setting: Setting) -> bool:
    """Whether it is said whom to trust."""
    location, text = _text(setting, "ssl.truststore.location"), _text(setting, "ssl.truststore.certificates")
    if location is None and text is None:
        return False
    is_pem = _is_pem(setting, "truststore")
    if location is None and not is_pem:
        raise ConfigError("ssl.truststore.certificates", HIDDEN, "it belongs to ssl.truststore.type=PEM")
    name = "ssl.truststore.location" if location else "ssl.truststore.certificates"
    try:
        if location is not None and not is_pem:
            text = read_trusted(Path(location), _text(setting, "ssl.truststore.password"))
            context.load_verify_locations(cadata=text)
        else:
            context.load_verify_locations(cafile=location, cadata=text if location is None else None)
    except (OSError, ValueError) as error:
        raise ConfigError(name, location or HIDDEN, f"no certificates can be read: {why_unreadable(error)}") from None
    return True


def why_unreadable(error: Exception) -> str:
    """A PEM file; without its text."""
    if isinstance(error, KeyStoreError):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return error.reason or "it is no PEM, or its password is wrong"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return "it is no PEM"
