"""`ottla streams run --processes N`: the work is shared, one that is killed comes back, and all end together."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from tests.peers.process import NodeDiedError, wait_for
from tests.streams.conftest import EXACTLY_ONCE, QUICK, STREAMS
from tests.streams.counting import assert_exactly_once, make_topics, read_counts, send_lines, some_lines
from tests.streams.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.timeout(200), pytest.mark.long]
PROCESSES: Final = 2


class Processes(Instance):
    def arguments(self) -> list[str]:
        return ["--processes", str(PROCESSES)]


@pytest.fixture
def processes(tmp_path: Path, ottla: NodeProcess) -> Iterator[Processes]:
    one = Processes(tmp_path / "app", ottla.address, QUICK | STREAMS | EXACTLY_ONCE)
    yield one
    if one.is_running:
        children = children_of(one.pid)
        one.kill()
        for child in children:
            os.kill(child, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_they_share_the_work_and_one_that_is_killed_comes_back(processes: Processes, ottla: NodeProcess) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(2000, 1))
    processes.start()
    wait_for(lambda: processes.said.count("is RUNNING") >= PROCESSES, "both run")
    first = children_of(processes.pid)
    assert len(first) == PROCESSES
    folders = [processes.data / f"process-{number}" / "word-count" for number in range(PROCESSES)]
    wait_for(lambda: all(any(folder.glob("*_*")) for folder in folders), "both have tasks with state")
    read_counts(ottla.address, words)
    words += send_lines(ottla.address, some_lines(2000, 2))
    os.kill(first[0], signal.SIGKILL)
    wait_for(lambda: set(children_of(processes.pid)) - set(first), "another one is started")
    words += send_lines(ottla.address, some_lines(500, 3))
    assert_exactly_once(read_counts(ottla.address, words), words)
    children = children_of(processes.pid)
    assert len(children) == PROCESSES
    assert processes.stop() == 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_when_all_fail_it_ends_with_their_status(processes: Processes) -> None:
    """Without its topics the application fails in every process."""
    processes.start()
    wait_for(lambda: not processes.is_running, "it has ended", 60)
    with pytest.raises(NodeDiedError, match="with status 1"):
        processes.close()
    assert processes.said.count("lines") >= PROCESSES
