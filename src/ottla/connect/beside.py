"""A worker of Connect beside a node: `ottla start --with connect[=HOST:PORT]`, and a part of `ottla start --all`.

It is a group of one, which keeps everything in topics, so that connectors are there again after a restart, and other
workers can join it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.runtime.worker_config import DEFAULT_LISTEN
from ottla.connect.start import DISTRIBUTED, EXTRA, start_instance, worker_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.runtime.instance import Instance
    from ottla.runtime.metrics.metric import Source

__all__ = ["DEFAULT_LISTEN", "EXTRA", "NEEDS", "check", "example", "preload", "ready_line", "start"]

NEEDS: Final = ("uvicorn", "confluent_kafka")


def check(listen: str | None) -> None:
    """`ValueError` says what is wrong with HOST:PORT."""
    host, colon, port = (listen or DEFAULT_LISTEN).rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) <= 65535):
        raise ValueError(f"HOST:PORT is wanted, not {listen!r}")


def preload() -> None:
    import uvicorn.protocols.http.auto  # noqa: F401

    import ottla.connect.distributed.distributed_herder
    import ottla.connect.distributed.group_member
    import ottla.connect.runtime.instance
    import ottla.connect.runtime.metrics  # noqa: F401


class Beside:
    """A worker that runs."""

    def __init__(self, instance: Instance) -> None:
        from ottla.connect.runtime.metrics import ConnectMetrics

        assert instance.herder is not None, "the worker is not started"
        self._instance = instance
        self.sources: list[Source] = [ConnectMetrics(instance.herder).read]

    @property
    def url(self) -> str:
        return self._instance.url

    async def stop(self) -> None:
        await self._instance.stop()


async def start(bootstrap: str, listen: str | None, others: Mapping[str, str]) -> Beside:
    """Serves the node at `bootstrap`; whoever started it stops it. An exception tells in a line why it cannot."""
    properties = {"bootstrap.servers": bootstrap, "listeners": f"http://{listen or DEFAULT_LISTEN}"}
    return Beside(await start_instance(worker_config(DISTRIBUTED, properties)))


def ready_line(running: Beside) -> str:
    return f"Its Connect worker is ready on {running.url}"


def example(url: str) -> str:
    return "ottla connectors list" if url == f"http://{DEFAULT_LISTEN}" else f"ottla connectors list --url {url}"
