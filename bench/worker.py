"""A worker of Connect as the benches see it: its CPU and memory with those of its children; Java's as it comes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.peers.connect import KafkaConnect

from bench.contender import tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class KafkaConnectAsItComes(KafkaConnect):
    """With the compiler and the collector that the JVM chooses."""

    def _spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        super()._spawn([word for word in command if not word.startswith("-XX:")], environment)


def cpu_s(pid: int) -> float:
    ticks = 0
    for each in tree(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    lines = [line for each in tree(pid) for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
