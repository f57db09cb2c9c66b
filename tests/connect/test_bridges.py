"""Programs of others as connectors, in processes of their own: a tap and a target of Singer's that do what they should,
and what they should not. Plugins that are really somebody else's are run by `python -m tests.plugins`."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.records import records_of
from tests.connect.test_crashes import tasks_of
from tests.connect.test_exactly_once import ENABLED, committed
from tests.peers.connect import OttlaConnect
from tests.peers.process import free_port, wait_for
from tests.peers.scrape import Scrape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.process import NodeProcess

SETTINGS = {
    "task.restart.attempts": "0",
    "value.converter.schemas.enable": "false",
    "key.converter.schemas.enable": "false",
}


@pytest.fixture(scope="module")
def worker(node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaConnect]:
    process = OttlaConnect(tmp_path_factory.mktemp("worker"), node.address, SETTINGS)
    process.metrics_address = f"127.0.0.1:{free_port()}"
    with process:
        yield process


def program(folder: Path, name: str) -> str:
    """The script as a program that can be started."""
    script = Path(__file__).with_name(f"{name}.py")
    path = folder / name.replace("_", "-")
    path.write_text(f"#!{sys.executable}\n{script.read_text()}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def tap(folder: Path, topic_prefix: str, **settings: str) -> dict[str, str]:
    own = {f"singer.config.{name}": text for name, text in settings.items()}
    return {
        "connector.class": "SingerSource",
        "singer.executable": program(folder, "numbers_tap"),
        "singer.config": json.dumps({"folder": str(folder), "password": "geheim"}),
        "singer.select": "numbers",
        "topic.prefix": topic_prefix,
        "poll.interval.ms": "100",
        **own,
    }


def numbers(node: NodeProcess, topic: str) -> list[int]:
    return [json.loads(value or b"{}")["n"] for _, value, _ in records_of(node.address, topic)]


def offset(worker: OttlaConnect, name: str) -> Any:
    found = worker.ask("GET", f"/connectors/{name}/offsets").body["offsets"]
    return json.loads(found[0]["offset"]["state"]) if found and found[0]["offset"]["state"] else None


def told(worker: OttlaConnect, connector: str, name: str) -> float:
    scrape = Scrape.of(f"http://{worker.metrics_address}/metrics")
    return scrape.value(f"ottla_connect_plugin_{name}_total", connector=connector, task="0") or 0


def failure(worker: OttlaConnect, name: str) -> str:
    def look() -> str | None:
        status = worker.ask("GET", f"/connectors/{name}/status")
        tasks = status.body["tasks"] if status.status == 200 else []
        return tasks[0]["trace"] if tasks and tasks[0]["state"] == "FAILED" else None

    return wait_for(look, f"the task of {name} has failed", 30)


def test_a_tap_goes_on_where_its_state_says(worker: OttlaConnect, node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "limit").write_text("25")
    config = tap(tmp_path, "on.")
    assert worker.ask("PUT", "/connectors/on/config", config).status == 201
    wait_for(lambda: offset(worker, "on") == {"next": 20}, "its state is stored", 30)
    (tmp_path / "limit").write_text("30")
    wait_for(lambda: offset(worker, "on") == {"next": 30}, "the next state is stored", 30)
    arguments = (tmp_path / "arguments").read_text()
    assert "geheim" not in arguments
    for name, least in (("runs", 2), ("lines", 30), ("error_lines", 2)):
        wait_for(partial(lambda name, least: told(worker, "on", name) >= least, name, least), f"{name} are told", 30)
    assert worker.ask("PUT", "/connectors/on/stop").status == 204
    wait_for(lambda: not worker.ask("GET", "/connectors/on/tasks").body, "it has no tasks", 30)
    found = numbers(node, "on.numbers")
    assert sorted(set(found)) == list(range(30))
    assert found[:25] == list(range(25))
    assert min(found[25:]) == 20  # behind its last state, and no further back
    key, value, _ = records_of(node.address, "on.numbers")[0]
    assert (json.loads(key or b""), json.loads(value or b"")) == ({"n": 0}, {"n": 0, "text": "number 0"})
    (tmp_path / "limit").write_text("40")
    assert worker.ask("PUT", "/connectors/on/resume").status == 202
    wait_for(lambda: offset(worker, "on") == {"next": 40}, "it goes on after a stop", 30)
    assert numbers(node, "on.numbers")[-1] == 39
    settings_file = arguments.split("--config ")[1].split()[0]
    assert worker.ask("DELETE", "/connectors/on").status == 204
    wait_for(lambda: not Path(settings_file).exists(), "its settings are gone", 30)


@pytest.mark.parametrize(
    ("mode", "more", "said"),
    [
        ("die", {}, "numbers-tap ended with status 1\ncounting from 0\nthere is nothing behind that"),
        pytest.param("rubbish", {}, "no message of Singer's: this is no JSON", marks=pytest.mark.long),
        ("hang", {"idle.timeout.ms": "600"}, "numbers-tap has said nothing for 600 ms and is ended"),
    ],
)
def test_a_tap_that_fails_says_why(
    worker: OttlaConnect, node: NodeProcess, tmp_path: Path, mode: str, more: dict[str, str], said: str
) -> None:
    (tmp_path / "limit").write_text("5")
    config = tap(tmp_path, f"{mode}.", mode=mode) | more
    assert worker.ask("PUT", f"/connectors/{mode}/config", config).status == 201
    assert said in failure(worker, mode)
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "it has ended", 30)
    assert worker.ask("DELETE", f"/connectors/{mode}").status == 204


def test_a_tap_ends_with_its_task(worker: OttlaConnect, node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "limit").write_text("5")
    assert worker.ask("PUT", "/connectors/killed/config", tap(tmp_path, "killed.", mode="hang")).status == 201
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "it runs", 30)
    pid = int((tmp_path / "pid").read_text())
    task = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(task, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the tap has ended, too", 30)
    assert "SIGKILL" in failure(worker, "killed")
    assert worker.ask("DELETE", "/connectors/killed").status == 204


def test_wrong_configurations_are_refused_by_key(worker: OttlaConnect, tmp_path: Path) -> None:
    wrong = {
        "name": "wrong",
        "connector.class": "SingerSource",
        "singer.config": "{",
        "singer.metadata": "[]",
        "idle.timeout.ms": "0",
    }
    answer = worker.ask("PUT", "/connector-plugins/SingerSource/config/validate", wrong)
    values = [each["value"] for each in answer.body["configs"]]
    found = {each["name"]: each["errors"][0] for each in values if each["errors"]}
    assert set(found) == {"singer.executable", "singer.config", "singer.metadata", "idle.timeout.ms"}
    assert next(each["value"] for each in values if each["name"] == "singer.config") == "[hidden]"
    missing = worker.ask("POST", "/connectors", {"name": "x", "config": {"connector.class": "tap-nobody-has"}})
    assert (missing.status, "tap-nobody-has" in missing.body["message"]) == (400, True)


def test_a_target_stores_what_is_committed(worker: OttlaConnect, node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "limit").write_text("100")
    out = tmp_path / "out"
    source = tap(tmp_path, "stored.")
    sink = {
        "connector.class": "SingerSink",
        "singer.executable": program(tmp_path, "lines_target"),
        "singer.config.file": str(out),
        "topics": "stored.numbers",
        "value.converter": "JsonConverter",
        "value.converter.schemas.enable": "false",
        "pk.mode": "record_key",
    }
    assert worker.ask("PUT", "/connectors/stored-source/config", source).status == 201
    assert worker.ask("PUT", "/connectors/stored/config", sink).status == 201

    def committed() -> int:
        found = worker.ask("GET", "/connectors/stored/offsets").body["offsets"]
        return sum(each["offset"]["kafka_offset"] for each in found)

    wait_for(lambda: committed() == 100, "all is committed", 30)
    assert [json.loads(line)["n"] for line in out.read_text().splitlines()] == list(range(100))
    Path(f"{out}.broken").touch()
    (tmp_path / "limit").write_text("200")
    assert "the disk is full" in failure(worker, "stored")
    assert committed() == 100
    Path(f"{out}.broken").unlink()
    assert worker.ask("POST", "/connectors/stored/restart?includeTasks=true&onlyFailed=true").status == 202
    wait_for(lambda: committed() == 200, "what failed came again", 30)
    assert {json.loads(line)["n"] for line in out.read_text().splitlines()} == set(range(200))
    for name in ("stored", "stored-source"):
        assert worker.ask("DELETE", f"/connectors/{name}").status == 204


@pytest.mark.long
@pytest.mark.timeout(280)
def test_a_tap_writes_once_what_each_state_covers(node: NodeProcess, tmp_path: Path) -> None:
    """One transaction a STATE: its task is killed in the midst of them, and readers see every record once."""
    (tmp_path / "limit").write_text("600")
    once = {"exactly.once.support": "required", "transaction.boundary": "connector", "poll.interval.ms": "-1"}
    settings = ENABLED | {"value.converter.schemas.enable": "false", "key.converter.schemas.enable": "false"}
    with OttlaConnect(tmp_path / "once", node.address, settings, group="tap-once") as worker:
        config = tap(tmp_path, "once.", mode="slow") | once
        refused = config | {"transaction.boundary": "poll"}
        assert worker.ask("PUT", "/connectors/once/config", refused).status == 400
        assert worker.ask("PUT", "/connectors/once/config", config).status == 201

        def seen() -> list[int]:
            if "once.numbers" not in topics_of(node):
                return []
            return [json.loads(value)["n"] for value in committed(node.address, "once.numbers")]

        for share in (50, 200):
            wait_for(partial(lambda least: len(seen()) > least, share), "some are there", 60)
            (pid,) = tasks_of(worker)
            os.kill(pid, signal.SIGKILL)
            wait_for(partial(lambda gone: gone not in tasks_of(worker), pid), "the task is gone", 30)
        wait_for(lambda: seen()[-1:] == [599], "the last is there", 120)
        assert seen() == list(range(600))


def topics_of(node: NodeProcess) -> set[str]:
    import confluent_kafka.admin as admin

    return set(admin.AdminClient({"bootstrap.servers": node.address}).list_topics(timeout=30).topics)
