"""The registry within the process of a node: `ottla start --with registry[=HOST:PORT]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.settings import DEFAULT_LISTEN, RegistrySettings, parse_listen
from ottla.registry.start import start_instance

if TYPE_CHECKING:
    from ottla.registry.instance import Instance


def check(listen: str | None) -> None:
    """`ValueError` says what is wrong with HOST:PORT."""
    parse_listen(listen or DEFAULT_LISTEN)


async def start(bootstrap: str, listen: str | None) -> Instance:
    """Serves the node at `bootstrap`; whoever started it stops it. An exception tells in a line why it cannot."""
    host, port = parse_listen(listen or DEFAULT_LISTEN)
    return await start_instance(RegistrySettings(bootstrap, host, port))


def ready_line(instance: Instance) -> str:
    return f"Its schema registry is ready on {instance.url}"
