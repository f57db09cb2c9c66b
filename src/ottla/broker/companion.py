"""Something that runs in a node's process as a client of it, such as the schema registry.

Which there are, and in which module, says the front door (`ottla.__main__`): a broker knows nothing of its clients.
Such a module has `check(listen)`, `await start(bootstrap, listen)`, whose result has `await stop()` and `sources` (of
metrics, which the node tells beside its own), and `ready_line(result)`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from ottla.runtime.metrics.metric import Source


class CompanionError(Exception):
    """There is none of that name, or its address is wrong."""


@dataclass(slots=True)
class Companion:
    module: ModuleType
    listen: str | None
    running: Any = None

    @classmethod
    def named(cls, word: str, modules: Mapping[str, str]) -> Companion:
        """`NAME`, or `NAME=HOST:PORT`."""
        name, equals, listen = word.partition("=")
        if name not in modules:
            raise CompanionError(f"{name}: it is one of {', '.join(modules)}")
        module = importlib.import_module(modules[name])
        try:
            module.check(listen if equals else None)
        except ValueError as error:
            raise CompanionError(f"{word}: {error}") from error
        return cls(module, listen if equals else None)

    async def start(self, bootstrap: str) -> str:
        """What to tell whoever started the node."""
        self.running = await self.module.start(bootstrap, self.listen)
        line = self.module.ready_line(self.running)
        assert isinstance(line, str)
        return line

    @property
    def sources(self) -> Sequence[Source]:
        """Of metrics; once started."""
        return tuple(self.running.sources)

    async def stop(self) -> None:
        if self.running is not None:
            await self.running.stop()
