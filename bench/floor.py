"""The kernel floor beside the brokers: `floor.c`, which answers fetches with nothing but `sendfile`."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import load
from bench.contender import process_cpu_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@contextmanager
def listening(cpu: str, segments: Sequence[Path]) -> Iterator[tuple[str, Callable[[], float]]]:
    """Serve the segments, that of partition 0 first, on one core: the address, and the CPU seconds used so far."""
    command = ["taskset", "-c", cpu, str(load.build("floor")), *map(str, segments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise load.LoadError("the bare sendfile loop does not listen")
            yield f"127.0.0.1:{port}", lambda: process_cpu_s(process.pid)
        finally:
            process.kill()
