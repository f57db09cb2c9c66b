"""A conversation with a worker's REST API, and what is comparable of its answers: as data.

`python -m tests.connect.conversation` writes what Apache Kafka's own standalone worker answers into `rest.json`; our
worker is held against that file by every run, Kafka Connect itself by `make conformance`.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.peers.connect import KafkaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.connect import ConnectProcess

FILE: Final = Path(__file__).with_name("rest.json")
_COLUMN: Final = re.compile(r"column: \d+")


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `differs` says why Kafka Connect's answer is not wanted of ours, which is `ours` then."""

    method: str
    path: str
    body: object = None
    differs: str | None = None
    ours: int = 0
    message_differs: bool = False
    """The status is the same; the text of the error is our own."""

    @property
    def name(self) -> str:
        body = "" if self.body is None else " " + (self.body if isinstance(self.body, str) else json.dumps(self.body))
        return f"{self.method} {self.path}{body}"


@dataclass(frozen=True, slots=True)
class Until:
    """Wait for a connector and its tasks."""

    connector: str
    state: str
    tasks: int


@dataclass(frozen=True, slots=True)
class UntilAnswer:
    """Wait for an answer that contains a text."""

    path: str
    text: str


def steps(directory: Path) -> list[Step | Until | UntilAnswer]:
    """`directory/lines.txt` has three lines; `directory/copy.txt` is written."""
    source = {"connector.class": "FileStreamSource", "file": str(directory / "lines.txt"), "topic": "lines"}
    sink = {"connector.class": "FileStreamSink", "file": str(directory / "copy.txt"), "topics": "lines"}
    return [*_looking(), *_refusals(source, sink), *_lives(source, sink), *_offsets(directory), *_unknown()]


def _looking() -> list[Step]:
    return [
        Step("GET", "/health"),
        Step("GET", "/connectors"),
        Step("GET", "/connectors/"),
        Step("GET", "/connector-plugins"),
        Step("GET", "/connector-plugins?connectorsOnly=false"),
        Step("GET", "/connector-plugins/org.apache.kafka.connect.transforms.Cast$Value/config"),
        Step("GET", "/connector-plugins/TopicNameMatches/config"),
        Step("GET", "/connector-plugins/FileStreamSource/config"),
        Step("GET", "/connector-plugins/org.apache.kafka.connect.file.FileStreamSinkConnector/config"),
        Step("GET", "/connector-plugins/JsonConverter/config"),
        Step("GET", "/connector-plugins/Nope/config"),
        Step("GET", "/admin/loggers/root"),
        Step("GET", "/admin/loggers/nope"),
        Step("PUT", "/admin/loggers/org.example.a", {"level": "debug"}),
        Step("PUT", "/admin/loggers/org.example.a", {"level": "loud"}),
        Step("PUT", "/admin/loggers/org.example.a", {}),
        Step("PUT", "/admin/loggers/org.example.a?scope=cluster", {"level": "INFO"}),
        Step("GET", "/admin/loggers/org.example.a"),
        Step("OPTIONS", "/connectors"),
        Step("PUT", "/connectors"),
        Step("GET", "/nope"),
        Step("GET", "/connectors/a/tasks-config"),
    ]


def _refusals(source: dict[str, str], sink: dict[str, str]) -> list[Step]:
    def create(config: object, **others: object) -> Step:
        return Step("POST", "/connectors", {"name": "b", "config": config, **others})

    validate = "/connector-plugins/FileStreamSink/config/validate"
    return [
        Step("POST", "/connectors", {"name": "b", "config": {"connector.class": "Nope"}}, message_differs=True),
        create(source | {"tasks.max": "x", "topic": ""}),
        create({"connector.class": "FileStreamSource", "tasks.max": "0"}),
        create({}),
        create({"name": "c"}),
        create(source | {"transforms": "t"}),
        create(source | {"transforms": "t,t"}),
        create(
            source | {"errors.tolerance": "some", "key.converter": "Nope"},
        ),
        create(source | {"header": None}),
        Step("POST", "/connectors", "{nonsense", message_differs=True),
        Step("POST", "/connectors", "[]", message_differs=True),
        Step("POST", "/connectors", {"name": "b", "config": source, "initial_state": "x"}, message_differs=True),
        Step("POST", "/connectors", {"name": "b", "config": source, "other": 1}, message_differs=True),
        Step("POST", "/connectors", {"name": "b"}, message_differs=True),
        Step("PUT", "/connectors/b/config", {**source, "file": {"a": 1}}, message_differs=True),
        Step("PUT", "/connectors/b/config", {"name": "z"}),
        Step("PUT", validate, sink | {"name": "b"}),
        Step("PUT", validate, {"connector.class": "FileStreamSink", "name": "b"}),
        Step("PUT", validate, sink | {"topics.regex": "x.*", "errors.deadletterqueue.topic.name": "lines"}),
        Step("PUT", validate, sink | {"topics.regex": "(", "topics": ""}, message_differs=True),
        Step("PUT", validate, sink | {"value.converter": "JsonConverter", "value.converter.schemas.enable": "maybe"}),
        Step("PUT", validate, sink | _CHAIN),
        Step("PUT", validate, sink | {"transforms": "a", "transforms.a.type": "Nope"}, message_differs=True),
        Step("PUT", validate, sink | {"transforms": "a", "transforms.a.type": _CAST, "transforms.a.negate": "true"}),
        Step(
            "PUT",
            validate,
            sink | {"transforms": "a", "transforms.a.type": _CAST, "transforms.a.spec": "x:y"},
            message_differs=True,
        ),
        Step("PUT", validate, source),
        Step("PUT", validate, {}, differs="It wraps one exception into another, and answers 500.", ours=400),
        Step("PUT", "/connector-plugins/FileStreamSource/config/validate", source),
    ]


_CAST: Final = "org.apache.kafka.connect.transforms.Cast$Value"
_CHAIN: Final = {
    "name": "b",
    "transforms": "a,b",
    "transforms.a.type": "org.apache.kafka.connect.transforms.InsertField$Value",
    "transforms.a.static.field": "from",
    "transforms.a.static.value": "here",
    "transforms.b.type": "RegexRouter",
    "transforms.b.regex": "(.*)",
    "transforms.b.replacement": "$1",
    "transforms.b.predicate": "p",
    "predicates": "p",
    "predicates.p.type": "TopicNameMatches",
    "predicates.p.pattern": "l.*",
}


def _lives(source: dict[str, str], sink: dict[str, str]) -> list[Step | Until | UntilAnswer]:
    return [
        Step("POST", "/connectors", {"name": "a", "config": source | {"tasks.max": "1"}}),
        Step("POST", "/connectors", {"name": "a", "config": source}),
        Until("a", "RUNNING", 1),
        *(Step("GET", f"/connectors/a{path}") for path in ("", "/config", "/tasks", "/status", "/tasks/0/status")),
        Step("GET", "/connectors/a/tasks/7/status"),
        Step("GET", "/connectors/a/tasks/x/status"),
        Step("GET", "/connectors?expand=info&expand=status&expand=other"),
        UntilAnswer("/connectors/a/topics", "lines"),
        Step("GET", "/connectors/a/topics"),
        Step("PUT", "/connectors/a/topics/reset"),
        Step("GET", "/connectors/a/topics"),
        Step("PUT", "/connectors/a/pause"),
        Until("a", "PAUSED", 1),
        Step("PUT", "/connectors/a/pause"),
        Step("POST", "/connectors/a/restart?includeTasks=true&onlyFailed=true"),
        Step("PUT", "/connectors/a/resume"),
        Until("a", "RUNNING", 1),
        Step("POST", "/connectors/a/restart"),
        Step("POST", "/connectors/a/restart?includeTasks=other"),
        Until("a", "RUNNING", 1),
        Step("POST", "/connectors/a/restart?includeTasks=true"),
        Until("a", "RUNNING", 1),
        Step("POST", "/connectors/a/tasks/0/restart"),
        Until("a", "RUNNING", 1),
        Step("PATCH", "/connectors/a/config", {"tasks.max": "2", "batch.size": "7"}),
        Step("PATCH", "/connectors/a/config", {"batch.size": None}),
        Step("PUT", "/connectors/a/config", source | {"tasks.max": 1}),
        Until("a", "RUNNING", 1),
        Step("GET", "/connectors/a/tasks"),
        Step("PUT", "/connectors/s/config", sink | {"tasks.max": "2"}),
        Until("s", "RUNNING", 2),
        Step("GET", "/connectors/s/tasks"),
        Step("POST", "/connectors", {"name": "p", "config": sink, "initial_state": "paused"}),
        Until("p", "PAUSED", 0),
        Step("GET", "/connectors/p/status"),
        Step("DELETE", "/connectors/p"),
        Step("GET", "/connectors/p/status"),
    ]


def _offsets(directory: Path) -> list[Step | Until | UntilAnswer]:
    partition = {"filename": str(directory / "lines.txt")}
    position = {"partition": partition, "offset": {"position": 4}}

    def alter(name: str, *offsets: object) -> Step:
        return Step("PATCH", f"/connectors/{name}/offsets", {"offsets": offsets})

    def group(topic: object, number: object, offset: object) -> dict[str, Any]:
        return {"partition": {"kafka_topic": topic, "kafka_partition": number}, "offset": offset}

    return [
        UntilAnswer("/connectors/a/offsets", "14"),
        UntilAnswer("/connectors/s/offsets", "kafka_offset"),
        Step("DELETE", "/connectors/a/offsets"),
        alter("a", position),
        Step("PUT", "/connectors/a/stop"),
        Until("a", "STOPPED", 0),
        Step("PUT", "/connectors/s/stop"),
        Until("s", "STOPPED", 0),
        Step("GET", "/connectors/a"),
        alter("a", position),
        Step("GET", "/connectors/a/offsets"),
        alter("a", {"partition": partition, "offset": {"position": -4}}),
        alter("a", {"partition": partition, "offset": {"position": "four"}}),
        alter("a", {"partition": partition, "offset": {}}),
        alter("a", {"partition": {"file": "x"}, "offset": {"position": 4}}),
        alter("a", {"partition": partition, "offset": {"position": ["x"]}}),
        alter("a", {"partition": None, "offset": {"position": 1}}),
        alter("a"),
        Step("PATCH", "/connectors/a/offsets", {}),
        alter("a", {"partition": partition, "offset": None}),
        Step("GET", "/connectors/a/offsets"),
        alter("s", group("lines", 0, {"kafka_offset": 1})),
        Step("GET", "/connectors/s/offsets"),
        alter("s", group("lines", "x", {"kafka_offset": 1})),
        alter("s", group("lines", 0, {"kafka_offset": "x"})),
        alter("s", group("lines", 0, {"offset": 1})),
        alter("s", group(None, 0, {"kafka_offset": 1})),
        alter("s", group("lines", None, {"kafka_offset": 1})),
        alter("s", group("nope", 0, {"kafka_offset": 1})),
        alter("s", {"partition": {"topic": "lines"}, "offset": None}),
        alter("s", {"partition": None, "offset": None}),
        alter("s", group("lines", 0, None)),
        Step("GET", "/connectors/s/offsets"),
        Step("DELETE", "/connectors/s/offsets"),
        Step("DELETE", "/connectors/a/offsets"),
        Step("PUT", "/connectors/a/resume"),
        Until("a", "RUNNING", 1),
        Step("DELETE", "/connectors/a"),
        Step("DELETE", "/connectors/s"),
        Step("GET", "/connectors"),
    ]


def _unknown() -> list[Step]:
    null = "It answers 500 with the text of a NullPointerException."
    return [
        *(
            Step("GET", f"/connectors/nope{path}")
            for path in ("", "/status", "/config", "/tasks", "/topics", "/offsets")
        ),
        Step("DELETE", "/connectors/nope"),
        *(Step("PUT", f"/connectors/nope/{verb}") for verb in ("pause", "resume", "stop", "topics/reset")),
        Step("POST", "/connectors/nope/restart", differs=null, ours=404),
        Step("POST", "/connectors/nope/restart?includeTasks=true"),
        Step("POST", "/connectors/nope/tasks/0/restart", differs=null, ours=404),
        Step("GET", "/connectors/nope/tasks/0/status"),
        Step("PATCH", "/connectors/nope/config", {"a": "b"}),
        Step("PATCH", "/connectors/nope/offsets", {"offsets": [{"partition": {"a": 1}, "offset": {"b": 1}}]}),
        Step("DELETE", "/connectors/nope/offsets"),
    ]


def prepare(directory: Path) -> None:
    (directory / "lines.txt").write_text("one\ntwo\nthree\n")


def talk(worker: ConnectProcess, directory: Path) -> Iterator[tuple[Step, Any]]:
    """Each request with what is comparable of its answer."""
    for step in steps(directory):
        if isinstance(step, Until):
            worker.wait_until(step.state, step.connector, tasks=step.tasks)
        elif isinstance(step, UntilAnswer):
            wait_for(partial(_contains, worker, step.path, step.text), f"{step.text} in {step.path}")
        else:
            status, body = worker.ask(step.method, step.path, step.body)
            yield step, [status, comparable(body, worker, directory)]


def _contains(worker: ConnectProcess, path: str, text: str) -> bool:
    return text in json.dumps(worker.ask("GET", path).body)


def comparable(body: Any, worker: ConnectProcess, directory: Path) -> Any:
    """Without addresses, folders, columns in bodies (which hold folders), versions, times, explanations of settings."""
    if isinstance(body, dict):
        kept = {key: comparable(each, worker, directory) for key, each in body.items() if key != "documentation"}
        for key in ("version", "last_modified"):
            if kept.get(key) is not None:
                kept[key] = "…"
        if str(kept.get("name", "")).endswith("plugin.version"):
            kept = {key: _version_free(each) for key, each in kept.items()}
        return kept
    if isinstance(body, list):
        return [comparable(each, worker, directory) for each in body]
    if isinstance(body, str):
        told = body.replace(worker.address, "WORKER").replace(str(directory), "DIR")
        return _COLUMN.sub("column: …", told)
    return body


def _version_free(value: Any) -> Any:
    if isinstance(value, list):
        return [_version_free(each) for each in value]
    return "…" if isinstance(value, str) and re.fullmatch(r"\d+\.\d+\.\d+", value) else value


def main() -> int:
    from tests.conftest import TEST_SETTINGS
    from tests.peers.ottla_node import OttlaNode

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        prepare(directory)
        node = OttlaNode(directory / "node", TEST_SETTINGS)
        with node, KafkaConnect(directory / "worker", node.address) as worker:
            told = [
                {"request": step.name.replace(name, "DIR"), "answer": answer}
                for step, answer in talk(worker, directory)
            ]
    FILE.write_text(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    print(f"{len(told)} answers in {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
