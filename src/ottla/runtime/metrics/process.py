"""The process itself: CPU, memory, files, threads, garbage, under the names that every exporter gives them.

Read from the operating system when asked. Where there is no `/proc` only what Python knows itself is told. The garbage
collector's counts come from `gc.get_stats`, which costs nothing between scrapes.
"""

from __future__ import annotations

import gc
import os
import platform
import resource
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottla import __version__
from ottla.runtime.metrics.metric import counter, gauge
from ottla.runtime.tracing.tracing import read_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.runtime.metrics.metric import Metric, Reading

CPU = counter("process_cpu_seconds_total", "CPU time of all threads, in user and system mode, in seconds.")
RESIDENT = gauge("process_resident_memory_bytes", "Memory that is resident, in bytes.")
VIRTUAL = gauge("process_virtual_memory_bytes", "Memory that is mapped, in bytes.")
START = gauge("process_start_time_seconds", "When the process started, in seconds since 1970.")
OPEN_FILES = gauge("process_open_fds", "Open file descriptors.")
MAX_FILES = gauge("process_max_fds", "How many file descriptors may be open.")
THREADS = gauge("process_threads", "Threads of Python.")
COLLECTIONS = counter("python_gc_collections_total", "Runs of the garbage collector.", "generation")
COLLECTED = counter("python_gc_objects_collected_total", "Objects that the garbage collector freed.", "generation")
PYTHON = gauge("python_info", "The Python that runs this; always 1.", "implementation", "version")
BUILD = gauge("ottla_build_info", "The Ottla that runs; always 1.", "version")

METRICS = (CPU, RESIDENT, VIRTUAL, START, OPEN_FILES, MAX_FILES, THREADS, COLLECTIONS, COLLECTED, PYTHON, BUILD)

_STAT: Final = Path("/proc/self/stat")
_AFTER_NAME: Final = 2
"""Fields of `/proc/self/stat` are counted from 1; behind the name in brackets stands the third."""
_START_TIME, _VIRTUAL_BYTES, _RESIDENT_PAGES = 22, 23, 24


def read_process() -> Iterator[Reading]:
    own = resource.getrusage(resource.RUSAGE_SELF)
    yield CPU, (), own.ru_utime + own.ru_stime
    yield from _read_proc()
    yield MAX_FILES, (), float(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    yield THREADS, (), threading.active_count()
    for generation, stats in enumerate(gc.get_stats()):
        yield COLLECTIONS, (str(generation),), stats["collections"]
        yield COLLECTED, (str(generation),), stats["collected"]
    yield PYTHON, (platform.python_implementation(), platform.python_version()), 1
    yield BUILD, (__version__,), 1
    yield from read_spans()


def age_s() -> float | None:
    """How long ago the process began; `None` where the system does not say."""
    began = next((value for metric, _, value in _read_proc() if metric is START), None)
    return None if began is None else time.time() - began


def _read_proc() -> Iterator[tuple[Metric, tuple[str, ...], float]]:
    try:
        fields = _STAT.read_text().rpartition(")")[2].split()
        boot_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        open_files = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 the names are all that is asked for
    except (OSError, AttributeError):
        return

    def field(number: int) -> int:
        return int(fields[number - 1 - _AFTER_NAME])

    yield RESIDENT, (), field(_RESIDENT_PAGES) * resource.getpagesize()
    yield VIRTUAL, (), field(_VIRTUAL_BYTES)
    yield START, (), boot_s + field(_START_TIME) / os.sysconf("SC_CLK_TCK")
    yield OPEN_FILES, (), open_files
