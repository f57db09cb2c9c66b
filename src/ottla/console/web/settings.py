"""How a console is to run: what the command line and `console.toml` say (docs/reference/console.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.console.web.access.permissions import ADMIN, Role
from ottla.console.web.section import ConfigError
from ottla.runtime.tls_files import NO_TLS, TlsFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ottla.console.web.access.masking import MaskRule
    from ottla.console.web.access.passwords import PasswordHash

DEFAULT_LISTEN: Final = "127.0.0.1:8080"
DEFAULT_BOOTSTRAP: Final = "localhost:9092"
DEFAULT_CLUSTER: Final = "local"
DEFAULT_GROUP: Final = "connect"
"""Of Connect's workers, where it has no name."""
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
SAMPLE_INTERVAL_S: Final = 5.0
SESSION_HOURS: Final = 12.0
REFRESH_MINUTES: Final = 15.0


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    name: str = DEFAULT_CLUSTER
    bootstrap: str = DEFAULT_BOOTSTRAP
    registry: str | None = None
    connect: Mapping[str, str] = field(default_factory=dict)
    """Groups of Connect's workers by name: URLs, with commas between those of one group."""
    metrics: tuple[str, ...] = ()
    """URLs of the brokers' Prometheus metrics."""
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of `client.properties`."""
    read_only: bool = False
    tls: TlsFiles = NO_TLS
    """How its registry, its worker of Connect and its brokers' metrics are asked by https."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    name: str = "single sign-on"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    user_claim: str = "preferred_username"
    groups_claim: str = "groups"
    redirect_url: str | None = None
    """Where the provider sends people back; `None`: where they came from, with /api/oidc/callback."""
    sign_out: bool = True
    """At the provider, too."""
    sign_out_redirect_url: str | None = None
    """Where it sends people then; `None`: the first page, where they were sent back to when they signed in."""
    refresh_minutes: float = REFRESH_MINUTES
    """How often the provider is asked whether people are still who they were; 0: never."""


@dataclass(frozen=True, slots=True)
class AuditSettings:
    file: Path | None = None
    topic: str | None = None
    cluster: str | None = None
    """Of the topic."""


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    clusters: tuple[ClusterSettings, ...] = (ClusterSettings(),)
    host: str = "127.0.0.1"
    port: int = 8080
    hosts: tuple[str, ...] = ()
    """Further names by which browsers reach it."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    read_only: bool = False
    users: Mapping[str, PasswordHash] = field(default_factory=dict, repr=False)
    roles: tuple[Role, ...] = (ADMIN,)
    oidc: OidcSettings | None = None
    masks: tuple[MaskRule, ...] = ()
    audit: AuditSettings = AuditSettings()
    secret: bytes | None = field(default=None, repr=False)
    """Signs sessions; `None`: a new one with every start."""
    session_hours: float = SESSION_HOURS
    sample_interval_s: float = SAMPLE_INTERVAL_S
    tls: TlsFiles = NO_TLS
    """Of its own server."""

    @property
    def needs_sign_in(self) -> bool:
        return bool(self.users) or self.oidc is not None

    def check(self) -> None:
        """`ConfigError`: its TLS cannot be, or it would be open to whoever can reach it."""
        try:
            self.tls.server()
            for each in self.clusters:
                each.tls.client()
        except ValueError as error:
            raise ConfigError(str(error)) from None
        if self.host not in LOOPBACK and not self.needs_sign_in:
            raise ConfigError(
                f"the console listens on {self.host}, where others can reach it, and nobody has to sign in:"
                " give it users or OpenID Connect (--config), or let it listen on 127.0.0.1"
            )


def one_group(urls: str | None) -> dict[str, str]:
    """Of `ClusterSettings.connect`; none without URLs."""
    return {DEFAULT_GROUP: urls} if urls else {}


def parse_listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"HOST:PORT is wanted, not {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)
