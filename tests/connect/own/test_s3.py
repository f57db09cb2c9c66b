"""A store that speaks S3: files of the sink, under its own names and Confluent's, and the same files read again."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.own.tasks import Sink, Source
from tests.peers.process import NodeProcess, free_port, wait_until_listening

from ottla.connect.connectors.files.directory_source import DirectorySourceConnector
from ottla.connect.connectors.files.sink import FilesSinkConnector, S3SinkConnector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]
BUCKET = "lake"


class MotoServer(NodeProcess):
    name = "moto"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._spawn([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)])
        wait_until_listening(self, "127.0.0.1", self.port, 60)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    pytest.importorskip("moto.server", reason="pip install 'moto[server]'")
    pytest.importorskip("obstore", reason="pip install 'ottla[s3]'")
    import obstore.store

    with MotoServer(tmp_path) as server:
        settings: Any = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region": "us-east-1"}
        made = obstore.store.S3Store(
            BUCKET, endpoint=f"http://{server.address}", client_options={"allow_http": True}, **settings
        )
        import urllib.request

        urllib.request.urlopen(urllib.request.Request(f"http://{server.address}/{BUCKET}", method="PUT"), timeout=30)
        made.ottla_url = f"http://{server.address}"  # type: ignore[attr-defined]
        yield made


def props(store: Any) -> dict[str, str]:
    found = {"fs.endpoint": store.ottla_url, "fs.access_key_id": "a", "fs.secret_access_key": "b"}
    return found | {"fs.region": "us-east-1", "fs.client_options": '{"allow_http": true}'}


def objects(store: Any) -> dict[str, bytes]:
    paths = sorted(str(each["path"]) for page in store.list() for each in page)
    return {path: bytes(store.get(path).bytes()) for path in paths}


def test_there_and_back(store: Any) -> None:
    where = {"output.path": f"s3://{BUCKET}/raw", "flush.size": 4}
    sink = Sink(FilesSinkConnector, where | props(store))
    sink.put(*({"n": number} for number in range(9)))
    sink.stop()
    again = Sink(FilesSinkConnector, where | props(store), offset=4)
    again.put(*({"n": number} for number in range(4, 9)))
    names = [f"raw/topics/things/partition=0/things+0+000000000{offset}.json" for offset in (0, 4)]
    assert list(objects(store)) == names
    read = {"input.path": f"s3://{BUCKET}/raw/topics", "input.path.walk.recursively": "true", "topic": "t"}
    read |= {"cleanup.policy": "MOVE", "finished.path": f"s3://{BUCKET}/done", "empty.poll.wait.ms": "1"}
    source = Source(DirectorySourceConnector, read | props(store))
    assert [record.value for record in source.take(8)] == [{"n": number} for number in range(8)]
    done = [f"done/{name.removeprefix('raw/topics/')}" for name in names]
    source.poll_until(lambda: list(objects(store)) == done)


def test_a_configuration_of_confluents(store: Any) -> None:
    config = {
        "s3.bucket.name": BUCKET,
        "s3.region": "us-east-1",
        "store.url": store.ottla_url,
        "aws.access.key.id": "a",
        "aws.secret.access.key": "b",
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
        "partitioner.class": "io.confluent.connect.storage.partitioner.DailyPartitioner",
        "flush.size": "2",
        "locale": "en-US",
        "timezone": "UTC",
    }
    sink = Sink(S3SinkConnector, config)
    sink.put({"n": 1}, {"n": 2})
    (found,) = objects(store).items()
    assert found[0] == "topics/things/year=2023/month=11/day=14/things+0+0000000000.json"
    assert [json.loads(line) for line in found[1].splitlines()] == [{"n": 1}, {"n": 2}]
