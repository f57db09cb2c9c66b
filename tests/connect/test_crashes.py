"""`kill -9` of workers and tasks under load: nothing is lost, and no task outlives its worker."""

from __future__ import annotations

import os
import re
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.connect.records import records_of
from tests.peers.connect import OttlaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(280)

SETTINGS = {"task.restart.backoff.ms": "100", "scheduled.rebalance.max.delay.ms": "500", "session.timeout.ms": "6000"}
_TASK = re.compile(rb"ottla\.connect\.task\.process")


def tasks_of(worker: OttlaConnect) -> list[int]:
    """The processes of its tasks that live."""
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    return [int(pid) for pid in children if _is_task(int(pid))]


def _is_task(pid: int) -> bool:
    try:
        return _TASK.search(Path(f"/proc/{pid}/cmdline").read_bytes()) is not None
    except OSError:
        return False


class Load:
    """Lines that are written while things are killed; each is another."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.count = 0

    def write(self, lines: int) -> None:
        with self._file.open("a") as out:
            for _ in range(lines):
                out.write(f"{self.count}\n")
                self.count += 1

    @property
    def expected(self) -> set[str]:
        return {str(number) for number in range(self.count)}


def start_copy(worker: OttlaConnect, directory: Path, name: str) -> Load:
    """File ─► topic ─► file."""
    source = {"connector.class": "FileStreamSource", "file": str(directory / "in"), "topic": name, "batch.size": "100"}
    sink = {"connector.class": "FileStreamSink", "file": str(directory / "out"), "topics": name}
    string = {"value.converter": "org.apache.kafka.connect.storage.StringConverter"}
    load = Load(directory / "in")
    load.write(2000)
    for connector, config in ((f"{name}-source", source), (f"{name}-sink", sink)):
        assert worker.ask("PUT", f"/connectors/{connector}/config", config | string).status == 201
    return load


def check(load: Load, node: NodeProcess, directory: Path, name: str) -> None:
    """Every line is in the topic and in the copy; the order of first comings is that of the file."""
    out = directory / "out"

    def copied() -> bool:
        return out.exists() and load.expected <= set(out.read_text().splitlines())

    wait_for(copied, "every line is in the copy", 120)
    values = [int(value or b"-1") for _, value, _ in records_of(node.address, name)]
    first_comings = list(dict.fromkeys(values))
    assert first_comings == list(range(load.count))


def test_tasks_are_killed(node: NodeProcess, tmp_path: Path) -> None:
    with OttlaConnect(tmp_path / "worker", node.address, SETTINGS) as worker:
        load = start_copy(worker, tmp_path, "killed-tasks")
        for _ in range(2):
            pids = wait_for(lambda: found if len(found := tasks_of(worker)) == 2 else None, "two tasks live")
            load.write(2000)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda pids=pids: not set(pids) & set(tasks_of(worker)), "they are gone")  # type: ignore[misc]
        worker.wait_until("RUNNING", "killed-tasks-source")
        load.write(1000)
        check(load, node, tmp_path, "killed-tasks")
        pids = tasks_of(worker)
        worker.kill()
        wait_for(lambda: not any(_is_task(pid) for pid in pids), "tasks without a worker end")


@pytest.mark.long
def test_workers_are_killed(node: NodeProcess, tmp_path: Path) -> None:
    with ExitStack() as stack:
        workers = [OttlaConnect(tmp_path / f"{number}", node.address, SETTINGS, group="killed") for number in range(2)]
        for worker in workers:
            stack.enter_context(worker)
        load = start_copy(workers[0], tmp_path, "killed-workers")
        for number in (0, 1, 0):
            for connector in ("killed-workers-source", "killed-workers-sink"):
                workers[1 - number].wait_until("RUNNING", connector)
            load.write(3000)
            workers[number].kill()
            load.write(3000)
            workers[number].start()
        check(load, node, tmp_path, "killed-workers")


@pytest.mark.long
def test_a_stop_leaves_nothing_to_do_again(node: NodeProcess, tmp_path: Path) -> None:
    settings = SETTINGS | {"offset.flush.interval.ms": "600000"}
    worker = OttlaConnect(tmp_path / "worker", node.address, settings)
    with worker:
        load = start_copy(worker, tmp_path, "stopped")
        wait_for(lambda: len(records_of(node.address, "stopped")) == load.count, "all is written")
        assert worker.stop() == 0
        load.write(500)
        worker.start()
        start_again = {"connector.class": "FileStreamSource", "file": str(tmp_path / "in"), "topic": "stopped"}
        string = {"value.converter": "org.apache.kafka.connect.storage.StringConverter"}
        assert worker.ask("PUT", "/connectors/stopped-source/config", start_again | string).status == 201
        wait_for(lambda: len(records_of(node.address, "stopped")) >= load.count, "the rest is written")
    values = [int(value or b"-1") for _, value, _ in records_of(node.address, "stopped")]
    assert values == list(range(load.count))
