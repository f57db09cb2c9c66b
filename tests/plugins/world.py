"""What the plugins run in: a node, a worker with a folder of plugins, an internet of one's own, files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import confluent_kafka as ck
from tests.connect.records import records_of
from tests.peers.connect import OttlaConnect
from tests.peers.ottla_node import OttlaNode
from tests.plugins.internet import Internet

from ottla.connect.catalogue.home import PluginHome
from ottla.connect.catalogue.manifest import CDK
from ottla.connect.catalogue.virtual_environment import distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

INSTALL_TIMEOUT_S: Final = 1800.0
RUN_TIMEOUT_S: Final = 150.0
LOOK_S: Final = 0.5
SETTINGS: Final = {
    "task.restart.attempts": "0",
    "key.converter": "JsonConverter",
    "key.converter.schemas.enable": "false",
    "value.converter": "JsonConverter",
    "value.converter.schemas.enable": "false",
    "offset.flush.interval.ms": "1000",
}


class World:
    """`with World(home) as world`."""

    def __init__(self, home: Path) -> None:
        self.home = PluginHome(home)
        self._stack = ExitStack()
        self._number = 0

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        self.folder = Path(enter(tempfile.TemporaryDirectory(prefix="ottla-plugins-")))
        (self.folder / "internet").mkdir()
        self.internet = enter(Internet(self.folder / "internet"))
        self.node = enter(OttlaNode(self.folder / "node"))
        self._environment = {"OTTLA_PLUGINS": str(self.home.path)}
        self._restore = dict(os.environ)
        os.environ.update(self._environment)
        os.environ.update(self.internet.environment)
        self.worker = enter(OttlaConnect(self.folder / "worker", self.node.address, SETTINGS))
        os.environ.clear()
        os.environ.update(self._restore)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def install(self, name: str, installed_as: str = "") -> str:
        """The version that is there; installed, if nothing is. Packages come from the index of pip or Maven alone."""
        if name == CDK and (self.home.shared / CDK / "complete").exists():
            return self._of_the_cdk()
        known = self.home.get(installed_as or name)
        if known is not None:
            self.trust(known.folder)
            return known.version
        command = [sys.executable, "-m", "ottla", "connectors", "install", name, "--yes", "--home", str(self.home.path)]
        environment = {**os.environ, **self._environment}
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, env=environment, check=False
        )
        if result.returncode:
            raise AssertionError(f"{name} cannot be installed:\n{result.stderr[-1500:]}")
        if name == CDK:
            return self._of_the_cdk()
        found = self.home.get(installed_as or name)
        if found is None:
            raise AssertionError(f"{name} is installed, and nobody knows where")
        self.trust(found.folder)
        return found.version

    def _of_the_cdk(self) -> str:
        """It is shared by all connectors of its kind, and none itself."""
        folder = self.home.shared / CDK
        self.trust(folder)
        return distribution(folder / "venv", CDK).version

    def trust(self, folder: Path) -> None:
        """Programs of that environment trust the internet of one's own until the end: many ask certifi alone."""
        for path in folder.glob("venv/lib/python*/site-packages/certifi/cacert.pem"):
            before = path.read_bytes()
            path.write_bytes(before + b"\n" + self.internet.authority_pem.encode())
            self._stack.callback(path.write_bytes, before)

    def place(self) -> Path:
        """A folder that nothing else uses."""
        self._number += 1
        path = self.folder / f"place-{self._number}"
        path.mkdir()
        return path

    def read(
        self,
        topic: str,
        config: Mapping[str, str],
        count: int,
        then: Callable[[], object] | None = None,
        more: int = 0,
    ) -> list[Any]:
        """What a source writes to the topic: its values, as JSON, when there are so many, and `more` after `then`."""
        name = self._create(config)
        try:
            self._wait(name, lambda: len(self.values(topic)) >= count, f"{count} records of {topic}")
            if then is not None:
                then()
                self._wait(name, lambda: len(self.values(topic)) >= count + more, f"{more} more records of {topic}")
            return self.values(topic)
        finally:
            self._delete(name)

    def write(self, topic: str, config: Mapping[str, str], values: Sequence[Any], keys: Sequence[Any] = ()) -> None:
        """Records that a sink has stored: its offsets are committed."""
        producer = ck.Producer({"bootstrap.servers": self.node.address})
        for place, value in enumerate(values):
            key = json.dumps(keys[place]).encode() if keys else None
            producer.produce(topic, json.dumps(value).encode(), key)
        assert producer.flush(30) == 0
        name = self._create({"topics": topic, **config})

        def stored() -> bool:
            found = self.worker.ask("GET", f"/connectors/{name}/offsets").body["offsets"]
            return bool(sum(each["offset"]["kafka_offset"] for each in found) >= len(values))

        try:
            self._wait(name, stored, f"{len(values)} records of {topic} are stored")
        finally:
            self._delete(name)

    def values(self, topic: str) -> list[Any]:
        return [json.loads(value) if value else None for _, value, _ in records_of(self.node.address, topic)]

    def offsets(self, name: str) -> Any:
        return self.worker.ask("GET", f"/connectors/{name}/offsets").body["offsets"]

    def _create(self, config: Mapping[str, str]) -> str:
        self._number += 1
        name = f"plugin-{self._number}"
        answer = self.worker.ask("POST", "/connectors", {"name": name, "config": dict(config)}, timeout_s=300)
        if answer.status != 201:
            raise AssertionError(f"refused: {answer.body.get('message', answer.body)}")
        return name

    def _delete(self, name: str) -> None:
        self.worker.ask("DELETE", f"/connectors/{name}")

    def _wait(self, name: str, done: Any, what: str) -> None:
        deadline = time.monotonic() + RUN_TIMEOUT_S
        while not done():
            status = self.worker.ask("GET", f"/connectors/{name}/status")
            parts = [status.body["connector"], *status.body["tasks"]] if status.status == 200 else []
            failed = [part["trace"] for part in parts if part["state"] == "FAILED"]
            if failed and not done():
                raise AssertionError(f"it has failed: {failed[0][:1500]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {RUN_TIMEOUT_S:g} s: {what}; asked: {self.internet.asked[-5:]}")
            time.sleep(LOOK_S)
