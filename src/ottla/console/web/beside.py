"""The console within the process of a node: `ottla start --with console[=HOST:PORT]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.console.web.settings import DEFAULT_CLUSTER, DEFAULT_LISTEN, ClusterSettings, ConsoleSettings, parse_listen
from ottla.console.web.start import start_instance

if TYPE_CHECKING:
    from ottla.console.web.instance import Instance


def check(listen: str | None) -> None:
    """`ValueError` says what is wrong with HOST:PORT."""
    _settings("localhost:9092", listen).check()


async def start(
    bootstrap: str, listen: str | None, *, registry: str | None = None, connect: str | None = None
) -> Instance:
    """Serves the node at `bootstrap`; whoever started it stops it. An exception tells in a line why it cannot."""
    return await start_instance(_settings(bootstrap, listen, registry, connect))


def ready_line(instance: Instance) -> str:
    return f"Its console is ready on {instance.url}"


def _settings(
    bootstrap: str, listen: str | None, registry: str | None = None, connect: str | None = None
) -> ConsoleSettings:
    host, port = parse_listen(listen or DEFAULT_LISTEN)
    cluster = ClusterSettings(DEFAULT_CLUSTER, bootstrap, registry, connect)
    return ConsoleSettings((cluster,), host, port)
