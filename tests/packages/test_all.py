"""`ottla start --all`: everything in one tree of processes, soon ready, whole when a part dies, gone at the end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from tests.peers.process import free_port, wait_for
from tests.peers.scrape import Scrape

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS = ("registry", "connect", "console")
STOP_S = 30.0
CONNECTOR = {"name": "lines", "config": {"connector.class": "FileStreamSource", "tasks.max": "1", "topic": "lines"}}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


class All:
    """One `ottla start --all` on free ports; `with` starts it and leaves nothing behind."""

    def __init__(self, directory: Path, *words: str, ports: dict[str, int] | None = None) -> None:
        self.directory = directory
        self.ports = {name: free_port() for name in ("broker", "metrics", *PARTS)} | (ports or {})
        self._words = words
        self._log = directory / "output.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        listen = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        command = [sys.executable, "-m", "ottla", "start", "--all", "--data", str(self.directory / "data")]
        command += ["--listen", listen["broker"], "--metrics", listen["metrics"]]
        command += [word for name in PARTS for word in ("--with", f"{name}={listen[name]}")]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([*command, *self._words], stdout=log, stderr=log, start_new_session=True)
        self.wait_until("Ctrl-C ends it.")
        return self

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_until(self, word: str, count: int = 1) -> None:
        def said() -> bool:
            assert self.process is not None and self.process.poll() is None, self.output
            return self.output.count(word) >= count

        wait_for(said, f"{word!r} in the output")

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def scrape(self) -> Scrape:
        return Scrape.of(self.url("metrics", "/metrics"))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        family = descendants(self.pid)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> dict[int, str]:
    """All processes below `pid`, and what each runs."""
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                for child in map(int, (thread / "children").read_text().split()):
                    found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                    waiting.append(child)
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def process_of(family: dict[int, str], module: str) -> int:
    (pid,) = [pid for pid, command in family.items() if f"ottla.{module}.beside" in command]
    return pid


def test_all_of_it_is_one_tree_that_survives_its_parts(tmp_path: Path) -> None:
    with All(tmp_path) as everything:
        page = everything.output
        # How soon, `bench.everything` measures: here it would be the other work of the machine that decides.
        assert re.search(r"All of it was ready after \d+\.\d s", page), page
        for name in ("broker", *PARTS, "metrics"):
            assert re.search(rf"^  {name} +(http://)?127\.0\.0\.1:{everything.ports[name]}\b", page, re.MULTILINE), page
        assert ask(everything.url("registry", "/subjects/a/versions"), {"schema": '"int"'})["id"] == 1
        (tmp_path / "lines.txt").write_text("one\n")
        config = {**CONNECTOR["config"], "file": str(tmp_path / "lines.txt")}  # type: ignore[dict-item]
        ask(everything.url("connect", "/connectors"), {**CONNECTOR, "config": config})

        def runs() -> bool:
            with contextlib.suppress(urllib.error.URLError):  # until it is known of
                tasks = ask(everything.url("connect", "/connectors/lines/status"))["tasks"]
                return [task["state"] for task in tasks] == ["RUNNING"]
            return False

        wait_for(runs, "the task of the connector to run")
        (cluster,) = ask(everything.url("console", "/api/clusters"))["clusters"]
        assert (cluster["registry"], cluster["connect"], cluster["metrics"]) == (True, ["connect"], True)
        assert ask(everything.url("console", "/api/clusters/local/registry/subjects"))
        scrape = everything.scrape()
        for name in PARTS:
            assert scrape.value("ottla_companion_up", companion=name) == 1
            assert (scrape.value("ottla_companion_resident_memory_bytes", companion=name) or 0) > 1e6
        assert scrape.value("kafka_schema_registry_registered_count") == 1
        assert scrape.value("kafka_connect_worker_connector_count") == 1

        family = descendants(everything.pid)
        task = next(pid for pid, command in family.items() if "connect.task.process" in command)
        os.kill(process_of(family, "connect"), signal.SIGKILL)
        everything.wait_until("connect is gone: it ended by SIGKILL")
        everything.wait_until("connect is back")
        wait_for(lambda: not is_alive(task), "the task of the dead worker to end")
        wait_for(runs, "the connector, which is kept in a topic, to run again")
        scrape = everything.scrape()
        assert scrape.value("ottla_companion_restarts_total", companion="connect") == 1
        assert scrape.value("kafka_server_kafkaserver_brokerstate") == 3
        assert ask(everything.url("registry", "/schemas/ids/1"))["schema"] == '"int"'

        family = descendants(everything.pid)
        assert everything.process is not None
        everything.process.send_signal(signal.SIGINT)
        assert everything.process.wait(STOP_S) == 0, everything.output
        assert [command for pid, command in family.items() if is_alive(pid)] == []


def test_no_orphan_outlives_a_node_that_is_killed(tmp_path: Path) -> None:
    with All(tmp_path) as everything:
        family = descendants(everything.pid)
        assert len(family) == len(PARTS)
        os.kill(process_of(family, "registry"), signal.SIGSTOP)  # even one that cannot hear
        os.kill(everything.pid, signal.SIGKILL)
        others = [pid for pid, command in family.items() if "registry" not in command]
        wait_for(lambda: not any(map(is_alive, others)), "what ran beside the node to end")
        stopped = process_of(family, "registry")
        os.kill(stopped, signal.SIGCONT)
        wait_for(lambda: not is_alive(stopped), "the one that was stopped to end")


@pytest.mark.long
def test_what_cannot_run_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with All(tmp_path, ports={"registry": port}) as everything:
            assert re.search(
                rf"^  registry +not running +cannot listen on 127\.0\.0\.1:{port}", everything.output, re.M
            )
            assert "(--with registry=HOST:PORT)" in everything.output
            assert "What is there was ready" in everything.output
            assert ask(everything.url("connect", "/connectors")) == []
            assert everything.scrape().value("ottla_companion_up", companion="registry") == 0


def test_an_extra_that_is_missing_is_named() -> None:
    from types import ModuleType
    from typing import cast

    from ottla.broker.companion import CompanionModule, Plan
    from ottla.registry import beside

    module = ModuleType("beside")
    module.__dict__.update(vars(beside), NEEDS=("uvicorn", "no_such_module", "google.no_such_module", "nobody.at_all"))
    plan = Plan("registry", "beside", cast("CompanionModule", module))
    assert (
        plan.missing == "it needs no_such_module, google.no_such_module, nobody.at_all: pip install 'ottla[registry]'"
    )
    assert Plan("registry", "beside", cast("CompanionModule", beside)).missing == ""


def start(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command: Sequence[str] = [sys.executable, "-m", "ottla", "start", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=cwd)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--all", "--without", "cellar"), "--all cellar: it is one of registry, connect, console"),
        (("--all", "--with", "connect=8083"), "HOST:PORT is wanted"),
        (("--without", "connect"), "--without leaves something out of --all"),
    ],
)
def test_what_is_asked_wrongly_is_refused(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = start(*words, cwd=tmp_path)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "data").exists()
