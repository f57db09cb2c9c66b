"""A group of workers: ours, and of both kinds on the same topics."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from tests.peers.connect import ConnectProcess, KafkaConnect, OttlaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(280)

SETTINGS = {"scheduled.rebalance.max.delay.ms": "1000"}
KINDS: dict[str, type[ConnectProcess]] = {"ottla": OttlaConnect, "kafka": KafkaConnect}


def source(directory: Path, name: str) -> dict[str, str]:
    file = directory / f"{name}.txt"
    file.write_text(f"first line of {name}\n")
    return {"connector.class": "FileStreamSource", "file": str(file), "topic": name}


def everything_on(worker: ConnectProcess, names: list[str]) -> bool:
    """Whether all of them, with their task, run on that worker."""

    def places(name: str) -> set[str]:
        answer = worker.ask("GET", f"/connectors/{name}/status")
        if answer.status != 200:
            return set()
        parts: list[dict[str, Any]] = [answer.body["connector"], *answer.body["tasks"]]
        running = all(part["state"] == "RUNNING" for part in parts) and len(parts) == 2
        return {part["worker_id"] for part in parts} if running else set()

    return all(places(name) == {worker.address} for name in names)


def life_of_a_group(workers: list[ConnectProcess], directory: Path, prefix: str) -> None:
    """Changes through one worker are seen by the others; when the first goes, the last does its work."""
    first, last = workers[0], workers[-1]
    names = [f"{prefix}-{number}" for number in range(3)]
    for number, name in enumerate(names):
        worker = workers[number % len(workers)]
        assert worker.ask("PUT", f"/connectors/{name}/config", source(directory, name)).status == 201
    for name in names:
        first.wait_until("RUNNING", name)
    assert sorted(last.ask("GET", "/connectors").body) == names
    assert last.ask("PUT", f"/connectors/{names[0]}/pause").status == 202
    first.wait_until("PAUSED", names[0])
    assert first.ask("PUT", f"/connectors/{names[0]}/stop").status == 204
    last.wait_until("STOPPED", names[0], tasks=0)
    assert last.ask("DELETE", f"/connectors/{names[0]}/offsets").status == 200
    assert first.ask("PUT", f"/connectors/{names[0]}/resume").status == 202
    last.wait_until("RUNNING", names[0])
    for worker in workers:
        assert worker.ask("POST", f"/connectors/{names[1]}/restart").status == 204
    assert last.ask("POST", f"/connectors/{names[1]}/tasks/0/restart").status == 204
    first.wait_until("RUNNING", names[1])
    assert last.ask("POST", f"/connectors/{names[1]}/restart?includeTasks=true").status == 202
    last.wait_until("RUNNING", names[1])
    assert last.ask("DELETE", f"/connectors/{names[2]}").status == 204
    wait_for(
        lambda: first.ask("GET", f"/connectors/{names[2]}/status").status == 404, "the status of a deleted one goes"
    )
    logs_are_told(workers, names[1])
    if len(workers) > 1:
        first.stop()
        wait_for(lambda: everything_on(last, names[:2]), "all that is left runs on the last worker")
    offsets = last.ask("GET", f"/connectors/{names[1]}/offsets").body["offsets"]
    assert [each["offset"] for each in offsets] == [{"position": len(f"first line of {names[1]}\n")}]


def logs_are_told(workers: list[ConnectProcess], name: str) -> None:
    """Ottla's own: each worker of Ottla tells them of each other one, too."""
    status = workers[0].ask("GET", f"/connectors/{name}/status").body
    ours = {each.address for each in workers if isinstance(each, OttlaConnect)}
    for worker_id in {part["worker_id"] for part in (status["connector"], *status["tasks"])} & ours:
        for worker in workers:
            told = worker.ask("GET", f"/connectors/{name}/logs?worker={worker_id}")
            if isinstance(worker, OttlaConnect):
                assert told.body["worker_id"] == worker_id
                assert "RUNNING" in [line["text"] for line in told.body["lines"]]
            else:
                assert told.status == 404
    for worker in (each for each in workers if isinstance(each, OttlaConnect)):
        assert worker.ask("GET", f"/connectors/{name}/logs?worker=127.0.0.1:1").status == 404
        assert worker.ask("GET", f"/connectors/{name}/logs?after=x").status == 400


@pytest.mark.long
def test_two_workers(node: NodeProcess, tmp_path: Path) -> None:
    with ExitStack() as stack:
        workers = [OttlaConnect(tmp_path / name, node.address, SETTINGS, group="ours") for name in ("a", "b")]
        for worker in workers:
            stack.enter_context(worker)
        life_of_a_group(list(workers), tmp_path, "ours")


@pytest.mark.java
@pytest.mark.long
@pytest.mark.parametrize("kinds", [("kafka", "ottla"), ("ottla", "kafka")])
def test_a_group_of_both_kinds(node: NodeProcess, tmp_path: Path, kinds: tuple[str, str]) -> None:
    group = "-".join(kinds)
    with ExitStack() as stack:
        workers = [KINDS[kind](tmp_path / kind, node.address, SETTINGS, group=group) for kind in kinds]
        for worker in workers:
            stack.enter_context(worker)
        life_of_a_group(workers, tmp_path, group)


@pytest.mark.java
@pytest.mark.long
def test_one_takes_over_from_the_other_and_back(node: NodeProcess, tmp_path: Path) -> None:
    """The same topics, one worker at a time: nothing is read twice, and what was paused stays so."""
    for number, kind in enumerate(("ottla", "kafka", "ottla")):
        with KINDS[kind](tmp_path / f"{number}", node.address, SETTINGS, group="swapped") as worker:
            if number == 0:
                assert worker.ask("PUT", "/connectors/swap/config", source(tmp_path, "swap")).status == 201
                assert worker.ask("PUT", "/connectors/rest/config", source(tmp_path, "rest")).status == 201
                worker.wait_until("RUNNING", "rest")
                assert worker.ask("PUT", "/connectors/rest/pause").status == 202
            worker.wait_until("PAUSED", "rest")
            worker.wait_until("RUNNING", "swap")
            file = tmp_path / "swap.txt"
            with file.open("a") as lines:
                lines.write(f"line of {number}\n")
            size = file.stat().st_size
            wait_for(
                lambda worker=worker, size=size: (
                    [{"position": size}]
                    == [  # type: ignore[misc]
                        each["offset"] for each in worker.ask("GET", "/connectors/swap/offsets").body["offsets"]
                    ]
                ),
                "the line is written",
            )
    from tests.connect.records import values_of

    lines_written = ["first line of swap", "line of 0", "line of 1", "line of 2"]
    assert [value["payload"] for value in values_of(node.address, "swap")] == lines_written
