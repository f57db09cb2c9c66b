"""Who tells an OpenTelemetry collector: what its own variables say, and else what the product is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from ottla import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE: Final = "ottla"
"""What a node is called."""


def resource_in(environment: Mapping[str, str], service: str, instance: str) -> dict[str, str]:
    """Who tells: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win."""
    resource = {"service.name": service, "service.version": __version__}
    if instance:
        resource["service.instance.id"] = instance
    resource |= pairs_of(environment.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if name := environment.get("OTEL_SERVICE_NAME"):
        resource["service.name"] = name
    return resource


def pairs_of(text: str) -> dict[str, str]:
    """`name=value,…`, percent-encoded, as W3C's baggage has it."""
    found = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip(): unquote(value.strip()) for name, _, value in found}
