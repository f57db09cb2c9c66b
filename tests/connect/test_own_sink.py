"""A sink of one's own: what it raises, reports and asks for, in one life."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.connect.records import records_of
from tests.peers.connect import OttlaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(200)

PLUGIN = '''
from pathlib import Path

from ottla.connect.api.config_def import HIGH, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.connector import SinkConnector, TopicPartition
from ottla.connect.api.errors import RetriableError
from ottla.connect.api.task import SinkTask


class Choosy(SinkConnector):
    def start(self, props):
        self._props = dict(props)

    def task_class(self):
        return ChoosyTask

    def task_configs(self, max_tasks):
        return [self._props] * max_tasks

    def config(self):
        return ConfigDef().define("notes", STRING, NO_DEFAULT_VALUE, HIGH, "Where it writes what happens.")


class ChoosyTask(SinkTask):
    """Late twice, it takes what is even, reports what is odd, begins anew once, and dies of 13 the first time."""

    def start(self, props):
        self._notes = Path(props["notes"])
        self._late = 0
        self._died = self._notes.exists() and "died" in self._notes.read_text()
        self._begun_anew = False

    def open(self, partitions):
        self._note(f"open {sorted(tuple(each) for each in partitions)}")

    def close(self, partitions):
        self._note(f"close {sorted(tuple(each) for each in partitions)}")

    def put(self, records):
        if records and self._late < 2:
            self._late += 1
            self.context.timeout(50)
            raise RetriableError("not yet")
        for record in records:
            number = int(record.value)
            if number == 13 and not self._died:
                self._note("died")
                raise ValueError("thirteen")
            if number % 2:
                self.context.errant_record_reporter.report(record, ValueError(f"{number} is odd")).result(30)
            else:
                self._note(f"took {number}")
        if records and self._died and not self._begun_anew:
            self._begun_anew = True
            self.context.offset({TopicPartition(records[0].topic, 0): 0})
        self.context.request_commit()

    def _note(self, text):
        with self._notes.open("a") as notes:
            notes.write(text + "\\n")
'''


def test_what_a_sink_may_do(node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "choosy.py").write_text(PLUGIN)
    (tmp_path / "numbers").write_text("".join(f"{number}\n" for number in range(20)))
    notes = tmp_path / "notes"
    string = {"value.converter": "org.apache.kafka.connect.storage.StringConverter"}
    settings = {"plugin.path": str(tmp_path / "plugins"), "task.restart.backoff.ms": "100"}
    with OttlaConnect(tmp_path / "worker", node.address, settings) as worker:
        source = {"connector.class": "FileStreamSource", "file": str(tmp_path / "numbers"), "topic": "choosy"}
        assert worker.ask("PUT", "/connectors/numbers/config", source | string).status == 201
        wait_for(lambda: len(records_of(node.address, "choosy")) == 20, "the numbers are written")
        refused = worker.ask(
            "PUT", "/connectors/choosy/config", {"connector.class": "choosy:Choosy", "topics": "choosy"}
        )
        assert (refused.status, "notes" in refused.body["message"]) == (400, True)
        sink = {
            "connector.class": "choosy:Choosy",
            "topics": "choosy",
            "notes": str(notes),
            "errors.tolerance": "all",
            "errors.deadletterqueue.topic.name": "choosy-dead",
            "errors.deadletterqueue.topic.replication.factor": "1",
            "errors.deadletterqueue.context.headers.enable": "true",
        }
        created = worker.ask("PUT", "/connectors/choosy/config", sink | string)
        assert (created.status, created.body["type"]) == (201, "sink")
        even = [f"took {number}" for number in range(0, 20, 2)]

        def is_done() -> bool:
            lines = notes.read_text().splitlines() if notes.exists() else []
            after = lines[lines.index("died") :] if "died" in lines else []
            return [line for line in after if line.startswith("took")] == even * 2

        wait_for(is_done, "all was taken, died of, taken again, and once more from the beginning", 90)
        wait_for(
            lambda: (
                [each["offset"] for each in worker.ask("GET", "/connectors/choosy/offsets").body["offsets"]]
                == [{"kafka_offset": 20}]
            ),
            "its offset is committed",
        )
        assert worker.ask("DELETE", "/connectors/choosy").status == 204
    lines = notes.read_text().splitlines()
    assert lines.count("open [('choosy', 0)]") == 2
    assert lines[-1] == "close [('choosy', 0)]"
    assert lines.count(lines[-1]) == 2
    dead = records_of(node.address, "choosy-dead")
    assert {int(value or b"0") for _, value, _ in dead} == set(range(1, 20, 2))
    headers = {name.removeprefix("__connect.errors."): value for name, value in dead[-1][2]}
    assert headers["stage"] == b"TASK_PUT"
    assert headers["exception.message"] == b"19 is odd"
    assert headers["class.name"] == b"choosy.ChoosyTask"
