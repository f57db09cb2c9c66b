"""How an instance of the registry is to run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.registry.store.config import DEFAULT_LEVEL
from ottla.runtime.tls_files import NO_TLS, TlsFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.registry.rest.access import Access
    from ottla.registry.schema.level import CompatibilityLevel

DEFAULT_LISTEN: Final = "127.0.0.1:8081"
TOPIC: Final = "_schemas"
GROUP: Final = "schema-registry"
REPLICATION_FACTOR_MAX: Final = 3


class SettingsError(ValueError):
    """A setting is wrong; the text is one line."""


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    bootstrap: str
    host: str = "127.0.0.1"
    port: int = 8081
    advertised_host: str | None = None
    topic: str = TOPIC
    group: str = GROUP
    level: CompatibilityLevel = DEFAULT_LEVEL
    client: Mapping[str, str] = field(default_factory=dict)
    """Security of the connection to Kafka, as in `client.properties`."""
    leader_eligible: bool = True
    mode_changes: bool = True
    session_timeout_ms: int = 10_000
    access: Access | None = None
    """Who may do what; `None`: everybody everything."""
    tls: TlsFiles = NO_TLS
    """Of its server, and how it asks the leader."""


def parse_listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"HOST:PORT is wanted, not {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)
