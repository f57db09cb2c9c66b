"""The client of the benchmark: `load.c`, built once against the librdkafka inside confluent-kafka, and run pinned."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

RUN_TIMEOUT_S: Final = 180.0


class LoadError(RuntimeError):
    """The client cannot be built, or failed; the text holds its output."""


def build() -> Path:
    """The path of the client, compiled into the user's cache when it is not there yet."""
    source = Path(__file__).with_name("load.c")
    library = _librdkafka()
    digest = hashlib.sha256(source.read_bytes() + str(library).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ottla"
    binary = cache / f"bench-load-{digest}"
    if binary.exists():
        return binary
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise LoadError("the benchmark's client is a small C program: no C compiler (apt install gcc libc6-dev)")
    cache.mkdir(parents=True, exist_ok=True)
    partial = binary.with_suffix(f".{os.getpid()}")
    command = [
        compiler,
        "-O2",
        "-o",
        str(partial),
        str(source),
        str(library),
        "-lpthread",
        f"-Wl,-rpath,{library.parent}",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LoadError(result.stderr)
    partial.rename(binary)
    return binary


def run(cpus: str | None, mode: str, *arguments: object) -> dict[str, float]:
    """Run the client once on `cpus` (a list as `taskset` takes it); what it printed. Raises `LoadError`."""
    prefix = ["taskset", "-c", cpus] if cpus else []
    command = [*prefix, str(build()), mode, *map(str, arguments)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{' '.join(command)}: not done in {RUN_TIMEOUT_S:g} s") from error
    if result.returncode != 0:
        raise LoadError(f"{' '.join(command)}: {result.stderr.strip()[-500:]} {result.stdout.strip()[-300:]}")
    answer: dict[str, float] = json.loads(result.stdout)
    return answer


def _librdkafka() -> Path:
    found = find_spec("confluent_kafka")
    if found is None or found.origin is None:
        raise LoadError("no confluent-kafka: pip install '.[test]'")
    libraries = sorted(Path(found.origin).parent.parent.glob("confluent_kafka.libs/librdkafka*.so*"))
    if not libraries:
        raise LoadError("confluent-kafka is there without its own librdkafka: install its wheel")
    return libraries[0]
