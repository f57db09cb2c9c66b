"""Something that runs beside a node as a client of it, such as the schema registry: in its process, or in its own.

Which there are, and in which module, says the front door (`ottla.__main__`): a broker knows nothing of its clients.
What such a module has is `CompanionModule`.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.runtime.metrics.metric import Source


class CompanionError(Exception):
    """There is none of that name, or its address is wrong."""


class CompanionModule(Protocol):
    DEFAULT_LISTEN: str
    """`HOST:PORT`."""
    NEEDS: tuple[str, ...]
    """Import names of what it cannot run without, all of them of an extra."""
    EXTRA: str
    """How they are installed."""

    def check(self, listen: str | None) -> None:
        """`ValueError` says what is wrong with HOST:PORT."""

    def preload(self) -> None:
        """Import what `start` is going to need. `ImportError`."""

    async def start(self, bootstrap: str, listen: str | None, others: Mapping[str, str]) -> Any:
        """Serve the node at `bootstrap`. `others`: URLs of what else runs beside it, by name; not all may be up yet.

        The result has `url`, `sources` (of metrics) and `await stop()`. An exception tells in a line why it cannot.
        """

    def ready_line(self, running: Any) -> str: ...

    def example(self, url: str) -> str:
        """What a person can do with it, in a few words or a command."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which companion is to run, and where it listens."""

    name: str
    module_name: str
    module: CompanionModule
    listen: str | None = None

    @classmethod
    def named(cls, word: str, modules: Mapping[str, str]) -> Plan:
        """`NAME`, or `NAME=HOST:PORT`. `CompanionError`."""
        name, equals, listen = word.partition("=")
        if name not in modules:
            raise CompanionError(f"{name}: it is one of {', '.join(modules)}")
        module = cast("CompanionModule", importlib.import_module(modules[name]))
        try:
            module.check(listen if equals else None)
        except ValueError as error:
            raise CompanionError(f"{word}: {error}") from error
        return cls(name, modules[name], module, listen if equals else None)

    @property
    def url(self) -> str | None:
        """Where it is going to be; `None` if the system chooses the port."""
        listen = self.listen or self.module.DEFAULT_LISTEN
        return None if listen.endswith(":0") else f"http://{listen}"

    @property
    def missing(self) -> str:
        """What has to be installed before it can run; empty: nothing."""
        missing = [name for name in self.module.NEEDS if not _is_installed(name)]
        return f"it needs {', '.join(missing)}: {self.module.EXTRA}" if missing else ""


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


@dataclass(slots=True)
class Companion:
    """One in the process of the node."""

    plan: Plan
    running: Any = None

    async def start(self, bootstrap: str, others: Mapping[str, str]) -> str:
        """What to tell whoever started the node."""
        self.running = await self.plan.module.start(bootstrap, self.plan.listen, others)
        return self.plan.module.ready_line(self.running)

    @property
    def sources(self) -> Sequence[Source]:
        """Of metrics; once started."""
        return tuple(self.running.sources)

    async def stop(self) -> None:
        if self.running is not None:
            await self.running.stop()
