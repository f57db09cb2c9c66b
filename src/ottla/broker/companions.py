"""All that runs beside a node: `--with NAME` in its process, `--all` in processes of their own; and the page of it.

A companion of `--with` that cannot start ends the node: it was asked for by name. One of `--all` is told to be missing,
and why, and the rest goes on.
"""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.broker.companion import Companion, CompanionError, Plan
from ottla.broker.companion_process import CompanionProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.broker.metrics.observation import Observation

READY_TIMEOUT_S: Final = 30.0
"""How long the page waits for all of them."""
METRICS_NAME: Final = "metrics"

ALL_DEFAULTS: Final = {"group.initial.rebalance.delay.ms": "0", "ottla.metrics.listen": "127.0.0.1:9404"}
"""What `ottla start --all` assumes where nothing is said: groups need not wait for more members on a machine to try it
(as Apache Kafka's own `server.properties` has it), and there are metrics."""


class Line(NamedTuple):
    """Of the page: what it is, where, and what to do with it; or why it is not there."""

    name: str
    where: str
    example: str
    is_there: bool = False


def plan_all(words: Sequence[str], without: Sequence[str], modules: Mapping[str, str]) -> list[Plan]:
    """Everything there is but `without`; `words` (`NAME=HOST:PORT`) say where. `CompanionError`."""
    said = {plan.name: plan for plan in (Plan.named(word, modules) for word in words)}
    for name in without:
        if name not in modules:
            raise CompanionError(f"{name}: it is one of {', '.join(modules)}")
    return [said.get(name) or Plan.named(name, modules) for name in modules if name not in without]


def urls_of(plans: Sequence[Plan]) -> dict[str, str]:
    """Where each is going to be, as far as that is known."""
    return {plan.name: url for plan in plans if (url := plan.url) is not None}


@dataclass(slots=True)
class Companions:
    """`launch()` before the node starts, `await start(…)` when it is ready, `await stop()` before it stops."""

    plans: Sequence[Plan]
    in_processes: bool = False
    say: Callable[[str], None] = print
    """Hears what changes, a line each."""
    log_format: str = "text"
    log_level: str = "WARN"
    _inside: list[Companion] = field(default_factory=list)
    _processes: list[CompanionProcess] = field(default_factory=list)

    def launch(self) -> None:
        """Processes import what they need while the node starts."""
        if self.in_processes:
            for plan in self.plans:
                process = CompanionProcess(plan, self.say, self.log_format, self.log_level)
                self._processes.append(process)
                if missing := plan.missing:
                    process.failure = missing
                    process.settled.set()
                else:
                    process.launch()

    async def start(self, bootstrap: str, observation: Observation | None) -> None:
        """All of them are ready, or have said why they are not. In the node's process, `Exception` if one cannot."""
        others = urls_of([each.plan for each in self._processes if not each.failure] or self.plans)
        if observation is not None:
            others |= {METRICS_NAME: observation.url} if observation.url is not None else {}
        for plan in () if self.in_processes else self.plans:
            companion = Companion(plan)
            self._inside.append(companion)
            self.say(await companion.start(bootstrap, _without(others, plan.name)))
            if observation is not None:
                observation.server.sources += companion.sources
        for process in self._processes:
            process.begin(bootstrap, _without(others, process.name))
            if observation is not None:
                observation.server.sources += process.sources
        if self._processes:
            if observation is not None:
                observation.server.refresh = self._refresh
            settled = [asyncio.ensure_future(each.settled.wait()) for each in self._processes]
            _, pending = await asyncio.wait(settled, timeout=READY_TIMEOUT_S)
            for each in pending:
                each.cancel()

    async def stop(self) -> None:
        for companion in reversed(self._inside):
            await companion.stop()
        await asyncio.gather(*(process.stop() for process in self._processes))

    def kill(self) -> None:
        """At once, whatever they are at."""
        for process in self._processes:
            process.kill()

    async def _refresh(self) -> None:
        await asyncio.gather(*(process.refresh() for process in self._processes))

    def lines(self) -> list[Line]:
        """Of the page, in the order of the plans."""
        return [_line(process) for process in self._processes]


def _without(urls: Mapping[str, str], name: str) -> dict[str, str]:
    return {each: url for each, url in urls.items() if each != name}


def _line(process: CompanionProcess) -> Line:
    if process.failure:
        is_taken = os.strerror(errno.EADDRINUSE) in process.failure
        hint = f" (--with {process.name}=HOST:PORT)" if is_taken else ""
        return Line(process.name, "not running", f"{process.failure}{hint}")
    if process.url is None:
        return Line(process.name, "not ready", f"it has not answered for {READY_TIMEOUT_S:g} s, and goes on trying")
    return Line(process.name, process.url, process.plan.module.example(process.url), is_there=True)


def page(lines: Sequence[Line], took_s: float | None) -> str:
    """What a person reads who has started everything."""
    names, wheres = (
        max(map(len, column)) for column in ([line.name for line in lines], [line.where for line in lines])
    )
    rows = [f"  {line.name:<{names}}  {line.where:<{wheres}}  {line.example}" for line in lines]
    subject = "All of it" if all(line.is_there for line in lines) else "What is there"
    took = f"{subject} was ready after {took_s:.1f} s. " if took_s is not None else ""
    return "\n".join(["", *rows, "", f"{took}Ctrl-C ends it."])
