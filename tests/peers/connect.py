"""Workers of Connect: ours, started as a user starts it, and Apache Kafka's own."""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.peers.apache_kafka import connect_jars, jars
from tests.peers.process import POLL_INTERVAL_S, NodeProcess, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

START_TIMEOUT_S: Final = 120.0
_URL: Final = re.compile(r"ready on https?://127\.0\.0\.1:(\d+)")
_JAVA_MAIN: Final = "org.apache.kafka.connect.cli.Connect"
TOPICS: Final = ("config.storage", "offset.storage", "status.storage")


class Answer(NamedTuple):
    status: int
    body: Any
    """As JSON; `None` without one."""


class ConnectProcess(NodeProcess):
    """Standalone, or with `group` one of that group's workers; `settings` are added to its properties."""

    def __init__(
        self, directory: Path, bootstrap: str, settings: Mapping[str, str] | None = None, *, group: str | None = None
    ) -> None:
        super().__init__(directory)
        self.group = group
        self._port = free_port()
        self._settings = self._base(bootstrap) | dict(settings or {})

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def offsets_file(self) -> Path:
        return self.directory / "offsets"

    def _base(self, bootstrap: str) -> dict[str, str]:
        settings = {
            "bootstrap.servers": bootstrap,
            "listeners": f"http://{self.address}",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "offset.flush.interval.ms": "200",
            "plugin.discovery": "service_load",
        }
        if self.group is None:
            return settings | {"offset.storage.file.filename": str(self.offsets_file)}
        settings |= {f"{topic}.topic": f"{self.group}-{topic.partition('.')[0]}" for topic in TOPICS}
        settings |= {f"{topic}.replication.factor": "1" for topic in TOPICS}
        return settings | {"group.id": self.group, "offset.storage.partitions": "3", "status.storage.partitions": "2"}

    def _write_properties(self) -> Path:
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / "connect.properties"
        path.write_text("".join(f"{key}={text}\n" for key, text in self._settings.items()))
        return path

    def ask(self, method: str, path: str, body: object = None, *, timeout_s: float = 100.0) -> Answer:
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data is not None else {}
        request = urllib.request.Request(f"http://{self.address}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return Answer(answer.status, _body(answer.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _body(error.read()))

    def wait_until(self, state: str, connector: str, *, tasks: int = 1, timeout_s: float = 60.0) -> dict[str, Any]:
        """Until the connector and so many tasks are in that state; the status."""

        def look() -> dict[str, Any] | None:
            answer = self.ask("GET", f"/connectors/{connector}/status")
            if answer.status != 200:
                return None
            found: dict[str, Any] = answer.body
            states = [found["connector"]["state"], *(task["state"] for task in found["tasks"])]
            return found if states == [state] * (tasks + 1) else None

        return wait_for(look, f"connector {connector} with {tasks} tasks is {state}", timeout_s)


def _body(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data.decode()


class OttlaConnect(ConnectProcess):
    name = "ottla connect"

    metrics_address: str | None = None
    """Where it is to tell Prometheus how it does, if set before the start."""

    def start(self) -> None:
        written = len(self.output)
        mode = "standalone" if self.group is None else "distributed"
        command = [sys.executable, "-m", "ottla", "connect", mode, "--config", str(self._write_properties())]
        if self.metrics_address is not None:
            command += ["--metrics", self.metrics_address]
        self._spawn(command, {"PYTHONUNBUFFERED": "1"})
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _URL.search(self.output, written):
            if not self.is_running or time.monotonic() > deadline:
                raise self.died("did not get ready")
            time.sleep(POLL_INTERVAL_S)


class KafkaConnect(ConnectProcess):
    name = "Kafka Connect"

    def start(self) -> None:
        jars()
        lib = connect_jars()
        mode = "Standalone" if self.group is None else "Distributed"
        options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]
        logging = f"-Dlog4j2.configurationFile={lib.parent / 'log4j2.properties'}"
        command = ["java", *options, logging, "-cp", f"{lib}/*", _JAVA_MAIN + mode, str(self._write_properties())]
        self._spawn(command)

        def ready() -> bool:
            if not self.is_running:
                raise self.died("ended before it was ready")
            try:
                return self.ask("GET", "/connectors").status == 200
            except OSError:
                return False

        wait_for(ready, "Kafka Connect is ready", START_TIMEOUT_S)
