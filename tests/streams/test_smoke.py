"""Kafka Streams' own judge: its smoke test's driver makes input in Java, and verifies what an application in Python did
with it, exactly once, while its processes are killed and started again."""

from __future__ import annotations

import hashlib
import random
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.apache_kafka import cache_folder, streams_smoke_jars
from tests.peers.process import NodeProcess, wait_for
from tests.streams.conftest import CLASSIC, EXACTLY_ONCE, STREAMS
from tests.streams.smoke.application import TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.peers.ottla_node import OttlaNode
    from tests.streams.instance import Instance

pytestmark = [pytest.mark.java, pytest.mark.long, pytest.mark.timeout(500)]
SOURCE: Final = Path(__file__).parent / "smoke" / "SmokeJudge.java"
APPLICATION: Final = "tests.streams.smoke.application:topology"
PARTITIONS: Final = 3
KEYS: Final = 8
RECORDS: Final = 150
SECONDS: Final = 30
KILLS: Final = 4


class Judge(NodeProcess):
    """It ends with 0 when it is content."""

    name = "Kafka Streams' smoke test"

    def __init__(self, directory: Path, bootstrap: str) -> None:
        super().__init__(directory)
        self._bootstrap = bootstrap

    @property
    def address(self) -> str:
        return self._bootstrap

    def start(self) -> None:
        class_path = f"{_compiled()}:{streams_smoke_jars()}/*"
        words = [self._bootstrap, str(KEYS), str(RECORDS), str(SECONDS)]
        self._spawn(["java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", class_path, "SmokeJudge", *words])

    def wait_until_it_says(self, word: str) -> None:
        wait_for(lambda: word in self.output, f"it says {word}", 120)


@pytest.fixture
def judge(tmp_path: Path, ottla: OttlaNode) -> Iterator[Judge]:
    one = Judge(tmp_path / "judge", ottla.address)
    yield one
    if one.is_running:
        one.kill()


@pytest.mark.parametrize("protocol", [STREAMS, CLASSIC], ids=["streams", "classic"])
def test_java_is_content_with_what_python_did(
    ottla: OttlaNode, judge: Judge, instance: Callable[..., Instance], protocol: dict[str, str]
) -> None:
    admin = AdminClient({"bootstrap.servers": ottla.address})
    for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in TOPICS]).values():
        made.result(30)
    settings = protocol | EXACTLY_ONCE | {"application.id": "SmokeTest", "commit.interval.ms": "500"}
    instances = [instance(ottla, f"python-{each}", settings, APPLICATION) for each in range(2)]
    for one in instances:
        one.start()
    for one in instances:
        one.wait_until_running()
    judge.start()
    chance = random.Random(6)
    for kill in range(KILLS):
        produced = (kill + 1) * KEYS * RECORDS // (KILLS + 1) // 100 * 100
        judge.wait_until_it_says(f"{produced} records produced")
        victim = chance.choice(instances)
        victim.kill()
        victim.start()
    wait_for(lambda: not judge.is_running, "the judge is done", 400)
    said = judge.output
    assert "ALL-RECORDS-DELIVERED" in said, said[-6000:]
    assert "\nSUCCESS" in said, said[-6000:]
    assert f"recordProcessed={KEYS * RECORDS}\n" in said


def _compiled() -> Path:
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    folder = cache_folder().parent / f"smoke-judge-{digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
            subprocess.run(["javac", "-d", partial, "-cp", f"{streams_smoke_jars()}/*", str(SOURCE)], check=True)
            Path(partial).rename(folder)
            Path(partial).mkdir()  # which is what goes away
    return folder
