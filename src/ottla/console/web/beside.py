"""The console beside a node: `ottla start --with console[=HOST:PORT]`, and a part of `ottla start --all`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.console.web.settings import (
    DEFAULT_CLUSTER,
    DEFAULT_LISTEN,
    ClusterSettings,
    ConsoleSettings,
    one_group,
    parse_listen,
)
from ottla.console.web.start import EXTRA, start_instance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.console.web.instance import Instance

__all__ = ["DEFAULT_LISTEN", "EXTRA", "NEEDS", "check", "example", "preload", "ready_line", "start"]

NEEDS: Final = ("uvicorn",)


def check(listen: str | None) -> None:
    """`ValueError` says what is wrong with HOST:PORT."""
    _settings("localhost:9092", listen, {}).check()


def preload() -> None:
    import uvicorn.protocols.http.auto  # noqa: F401

    import ottla.console.web.instance  # noqa: F401


async def start(bootstrap: str, listen: str | None, others: Mapping[str, str]) -> Instance:
    """Serves the node at `bootstrap`; whoever started it stops it. An exception tells in a line why it cannot.

    `others`: URLs of the registry, of Connect and of the node's metrics, if they are there.
    """
    return await start_instance(_settings(bootstrap, listen, others))


def ready_line(instance: Instance) -> str:
    return f"Its console is ready on {instance.url}"


def example(url: str) -> str:
    return "open it in a browser"


def _settings(bootstrap: str, listen: str | None, others: Mapping[str, str]) -> ConsoleSettings:
    host, port = parse_listen(listen or DEFAULT_LISTEN)
    metrics = (others["metrics"],) if "metrics" in others else ()
    cluster = ClusterSettings(
        DEFAULT_CLUSTER, bootstrap, others.get("registry"), one_group(others.get("connect")), metrics
    )
    return ConsoleSettings((cluster,), host, port)
