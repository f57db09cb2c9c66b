"""Who is measured: a process that reads the topic `in` under a group of its own, does a workload, and writes `out`."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.peers.apache_kafka import cache_folder, streams_jars

from bench.contender import process_cpu_s, resident_kb, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE: Final = Path(__file__).parent
GROUP: Final = "bench"
AT_LEAST_ONCE: Final = "at_least_once"
EXACTLY_ONCE: Final = "exactly_once_v2"
COMMIT_MS: Final = {AT_LEAST_ONCE: 1000, EXACTLY_ONCE: 100}
END_TIMEOUT_S: Final = 60.0
QUIX: Final = "quixstreams==3.28.1"
FAUST: Final = "faust-streaming==0.15.3"
HEAP: Final = "-Xmx1g"


@dataclass(frozen=True)
class Job:
    workload: str
    guarantee: str
    bootstrap: str
    state: Path

    def settings(self) -> dict[str, str]:
        """As Kafka Streams takes them."""
        return {
            "application.id": GROUP,
            "bootstrap.servers": self.bootstrap,
            "state.dir": str(self.state),
            "processing.guarantee": self.guarantee,
            "commit.interval.ms": str(COMMIT_MS[self.guarantee]),
            "auto.offset.reset": "earliest",
        }


class Application:
    """One run of a contestant, on one core."""

    def __init__(self, command: list[str], cpu: str, log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        self.began = time.monotonic()
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                ["taskset", "-c", cpu, *command], stdout=out, stderr=out, env=os.environ | dict(environment)
            )

    def check(self) -> None:
        """`RuntimeError` if it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the application ended:\n{self._log.read_text(errors='replace')[-4000:]}")

    def cpu_s(self) -> float:
        return sum(process_cpu_s(pid) for pid in tree(self._process.pid))

    def resident_mb(self) -> float:
        return sum(resident_kb(pid) for pid in tree(self._process.pid)) / 1024

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def says(self, word: str) -> bool:
        return word in self._log.read_text(errors="replace")

    def stop(self) -> None:
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            for pid in tree(self._process.pid):
                os.kill(pid, number)


def java(job: Job) -> tuple[list[str], dict[str, str]]:
    settings = [f"{key}={value}" for key, value in job.settings().items()]
    command = ["java", HEAP, "-cp", f"{_compiled()}:{streams_jars()}/*", "StreamsBench", job.workload, *settings]
    return command, {}


def ottla(job: Job) -> tuple[list[str], dict[str, str]]:
    settings = job.settings() | {"bench.workload": job.workload}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "ottla", "streams", "run", "bench.streams.ottla_app:topology", *words], {}


def quix(job: Job) -> tuple[list[str], dict[str, str]]:
    return _foreign(QUIX, "quix_app.py", job)


def faust(job: Job) -> tuple[list[str], dict[str, str]]:
    return _foreign(FAUST, "faust_app.py", job)


def _foreign(package: str, program: str, job: Job) -> tuple[list[str], dict[str, str]]:
    """Both take the same words."""
    guarantee = job.guarantee.removesuffix("_v2")
    if package == QUIX:
        guarantee = guarantee.replace("_", "-")
    words = [job.workload, job.bootstrap, GROUP, str(job.state), guarantee, str(COMMIT_MS[job.guarantee])]
    return [str(_foreign_python(package)), str(HERE / program), *words], {"PYTHONUNBUFFERED": "1"}


CONTESTANTS: Final[dict[str, Callable[[Job], tuple[list[str], dict[str, str]]]]] = {
    "Ottla Streams": ottla,
    "Kafka Streams": java,
    "Quix Streams": quix,
    "Faust": faust,
}
ENGINES: Final = {"ottla": "Ottla Streams", "kafka": "Kafka Streams", "quix": "Quix Streams", "faust": "Faust"}
OF_PYTHON: Final = {"Quix Streams": (QUIX,), "Faust": (FAUST, "rocksdict==0.3.29")}
"""What is installed for each, in a virtual environment of its own."""


def prepare(names: list[str]) -> None:
    """Fetch and compile before any clock runs."""
    if "Kafka Streams" in names:
        _compiled()
        streams_jars()
    for packages in (OF_PYTHON[name] for name in names if name in OF_PYTHON):
        _foreign_python(*packages)


def _compiled() -> Path:
    source = HERE / "StreamsBench.java"
    folder = cache_folder().parent / f"bench-streams-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
            subprocess.run(["javac", "-d", partial, "-cp", f"{streams_jars()}/*", str(source)], check=True)
            Path(partial).rename(folder)
            Path(partial).mkdir()  # which is what goes away
    return folder


def _foreign_python(*packages: str) -> Path:
    """The interpreter that has the first of them, and the others."""
    folder = cache_folder().parent / f"bench-{packages[0]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], check=True
        )
        (folder / "complete").touch()
    return python
