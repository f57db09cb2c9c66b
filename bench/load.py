"""The clients of the benchmark: `load.c`, built once against the librdkafka inside confluent-kafka, and `bare.c`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

RUN_TIMEOUT_S: Final = 180.0


class LoadError(RuntimeError):
    """The client cannot be built, or failed; the text holds its output."""


def build(program: str) -> Path:
    """The path of `load` (which needs librdkafka), `bare` or `floor`, compiled into the user's cache when not there."""
    source = Path(__file__).with_name(f"{program}.c")
    libraries = [_librdkafka()] if program == "load" else []
    digest = hashlib.sha256(source.read_bytes() + str(libraries).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ottla"
    binary = cache / f"bench-{program}-{digest}"
    if binary.exists():
        return binary
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise LoadError("the benchmark's client is a small C program: no C compiler (apt install gcc libc6-dev)")
    cache.mkdir(parents=True, exist_ok=True)
    partial = binary.with_suffix(f".{os.getpid()}")
    linked = [word for library in libraries for word in (str(library), f"-Wl,-rpath,{library.parent}")]
    command = [compiler, "-O2", "-o", str(partial), str(source), *linked, "-lpthread"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LoadError(result.stderr)
    partial.rename(binary)
    return binary


@dataclass(frozen=True)
class Client:
    """Runs a client against one topic, on `cpus` (a list as `taskset` takes it); by TLS where there is a `ca`."""

    address: str
    topic: str
    cpus: str | None
    ca: Path | None = None

    def at(self, address: str) -> Client:
        return replace(self, address=address)

    def run(self, program: str, mode: str, *arguments: object) -> dict[str, float]:
        """Run `program` to its end; what it printed. Raises `LoadError`."""
        prefix = ["taskset", "-c", self.cpus] if self.cpus else []
        command = [*prefix, str(build(program)), mode, self.address, self.topic, *map(str, arguments)]
        environment = {**os.environ, "LOAD_CA": str(self.ca)} if self.ca else None
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False, env=environment
            )
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
