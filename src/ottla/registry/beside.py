"""The registry within the process of a node: `ottla start --with registry[=HOST:PORT]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.registry.settings import DEFAULT_LISTEN, RegistrySettings, parse_listen
from ottla.registry.start import EXTRA, start_instance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.registry.instance import Instance

__all__ = ["DEFAULT_LISTEN", "EXTRA", "NEEDS", "check", "example", "preload", "ready_line", "start"]

NEEDS: Final = ("uvicorn", "google.protobuf", "jsonschema_rs")


def check(listen: str | None) -> None:
    """`ValueError` says what is wrong with HOST:PORT."""
    parse_listen(listen or DEFAULT_LISTEN)


def preload() -> None:
    import uvicorn.protocols.http.auto  # noqa: F401

    import ottla.registry.instance  # noqa: F401


async def start(bootstrap: str, listen: str | None, others: Mapping[str, str]) -> Instance:
    """Serves the node at `bootstrap`; whoever started it stops it. An exception tells in a line why it cannot."""
    host, port = parse_listen(listen or DEFAULT_LISTEN)
    return await start_instance(RegistrySettings(bootstrap, host, port))


def ready_line(instance: Instance) -> str:
    return f"Its schema registry is ready on {instance.url}"


def example(url: str) -> str:
    return "ottla schemas list" if url == f"http://{DEFAULT_LISTEN}" else f"ottla schemas list --registry {url}"
