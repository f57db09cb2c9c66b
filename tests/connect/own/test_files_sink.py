"""Files of every format from records: each record in exactly one, whatever crashes; folders; what is refused."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import fastavro
import fsspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.connect.own.tasks import Sink, Source, errors_of
from tests.peers.process import wait_for

from ottla.connect.api.connector import TopicPartition
from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.files.directory_source import DirectorySourceConnector
from ottla.connect.connectors.files.sink import FilesSinkConnector, S3SinkConnector
from ottla.connect.data import logical
from ottla.connect.data.schema import INT32_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from pathlib import Path

UTC = datetime.UTC
DAY = datetime.datetime(2020, 2, 29, 23, 30, tzinfo=UTC)
INNER = SchemaBuilder.struct().name("inner").field("x", INT32_SCHEMA).optional().build()
ROW = (
    SchemaBuilder.struct()
    .name("row")
    .field("id", INT32_SCHEMA)
    .field("name", OPTIONAL_STRING_SCHEMA)
    .field("price", logical.decimal_builder(2).optional().build())
    .field("at", logical.TIMESTAMP_SCHEMA)
    .field("tags", SchemaBuilder.array(STRING_SCHEMA).optional().build())
    .field("inner", INNER)
    .build()
)


def row(number: int, **more: object) -> Struct:
    values: dict[str, Any] = {"name": f"n{number}", "price": Decimal("1.50"), "at": DAY, "tags": ["a"]}
    return Struct(ROW, id=number, **(values | {"inner": Struct(INNER, x=number)} | more))


def sink(directory: object, *, reports: Any = False, offset: Any = 0, **more: Any) -> Sink:
    props = {"output.path": directory, "flush.size": 3, "retry.backoff.ms": 1}
    props |= {key.replace("_", "."): value for key, value in more.items()}
    return Sink(FilesSinkConnector, props, reports=reports, offset=offset)


def files(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_names_are_by_offsets_and_only_whole_files_count(tmp_path: Path) -> None:
    task = sink(tmp_path)
    task.put(*({"n": number} for number in range(8)))
    folder = "topics/things/partition=0/things+0+"
    assert list(files(tmp_path)) == [f"{folder}0000000000.json", f"{folder}0000000003.json"]
    assert files(tmp_path)[f"{folder}0000000003.json"] == b'{"n":3}\n{"n":4}\n{"n":5}\n'
    assert task.commit() == {TopicPartition("things", 0): 6}
    task.put({"n": 8})
    assert task.commit() == {TopicPartition("things", 0): 9}
    task.stop()


def test_every_format_says_what_came(tmp_path: Path) -> None:
    rows = [row(1), row(2, name='q"uo,te\n', price=None), row(3, name=None, tags=None, inner=None)]
    made = {}
    for name, compression in (
        ("json", "gzip"), ("csv", "gzip"), ("avro", "deflate"), ("avro", "none"), ("parquet", "zstd"), ("csv", "none")
    ):  # fmt: skip
        task = sink(tmp_path / name / compression, format=name, compression=compression)
        task.put(*rows)
        (made[name, compression],) = files(tmp_path / name / compression).items()
        task.stop()
    ms = int(DAY.timestamp() * 1000)
    lines = [json.loads(line) for line in gzip.decompress(made["json", "gzip"][1]).splitlines()]
    assert lines[0] == {"id": 1, "name": "n1", "price": 1.5, "at": ms, "tags": ["a"], "inner": {"x": 1}}
    texts = gzip.decompress(made["csv", "gzip"][1])
    assert texts == made["csv", "none"][1]
    table = list(csv.reader(io.StringIO(texts.decode(), newline="")))
    assert table[0] == ["id", "name", "price", "at", "tags", "inner"]
    assert table[1] == ["1", "n1", "1.50", "2020-02-29T23:30:00+00:00", '["a"]', '{"x":1}']
    assert table[2][1:3] == ['q"uo,te\n', ""]
    for compression in ("deflate", "none"):
        read = list(fastavro.reader(io.BytesIO(made["avro", compression][1])))
        assert read[1] == {"id": 2, "name": 'q"uo,te\n', "price": None, "at": DAY, "tags": ["a"], "inner": {"x": 2}}
    data = pq.read_table(io.BytesIO(made["parquet", "zstd"][1])).to_pylist()
    assert data[0] == {"id": 1, "name": "n1", "price": Decimal("1.50"), "at": DAY, "tags": ["a"], "inner": {"x": 1}}
    assert data[2]["inner"] is None
    for name in ("avro", "parquet"):
        source = Source(DirectorySourceConnector, _reads(tmp_path / name))
        again = [record.value for record in source.take(3)]
        assert [each["price"] for each in again] == [each["price"] for each in rows]  # type: ignore[index]


def _reads(directory: Path) -> dict[str, object]:
    walk = {"input.path.walk.recursively": "true", "cleanup.policy": "NONE"}
    return walk | {"input.path": directory, "topic": "t", "empty.poll.wait.ms": 1}


def test_bytes_and_texts_as_they_came(tmp_path: Path) -> None:
    task = sink(tmp_path, format="bytes", **{"format.bytearray.separator": "|"})
    task.put(b"\0", "ü", b"x")
    assert list(files(tmp_path).values()) == [b"\0|\xc3\xbc|x|"]
    task.stop()


VALUE = st.builds(lambda name, extra: {"f": name} | ({"g": 1} if extra else {}), st.sampled_from("abc"), st.booleans())


@settings(max_examples=25)
@given(
    st.lists(VALUE, max_size=40),
    st.sampled_from(["json", "csv", "parquet"]),
    st.sampled_from(["default", "field"]),
    st.integers(0, 1 << 16),
)
def test_every_record_is_in_exactly_one_file_whatever_crashes(
    tmp_path_factory: pytest.TempPathFactory, values: list[dict[str, Any]], kind: str, partitioner: str, seed: int
) -> None:
    """Crashes at any place, commits or none: then what is left is read again from what was committed."""
    directory = tmp_path_factory.mktemp("sink")
    chance = random.Random(seed)
    times = [1000 * number + chance.randrange(3000) for number in range(len(values))]
    props: dict[str, object] = {"format": kind, "partitioner": partitioner, "rotate_interval_ms": 7000}
    props |= {"partition.field.name": "f"}

    def run(where: Path, crashes: int) -> None:
        committed = 0
        for left in range(crashes, -1, -1):
            task = sink(where, offset=committed, **props)
            at = committed
            while at < len(values):
                size = chance.randrange(1, 6)
                task.put(*values[at : at + size], timestamps=times[at : at + size])
                at += size
                if chance.random() < 0.5:
                    committed = task.commit()[TopicPartition("things", 0)]
                if left and chance.random() < 0.3:
                    break
            else:
                committed = task.commit()[TopicPartition("things", 0)]

    run(directory / "whole", 0)
    run(directory / "crashed", 4)
    assert files(directory / "crashed") == files(directory / "whole") if values else True


def test_a_store_that_fails_is_tried_again_and_nothing_is_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ottla.connect.connectors.files import store

    whole = store.LocalStore.write
    failures = iter([True, False, True, True, False] + [False] * 20)

    def write(self: Any, path: str, data: bytes) -> None:
        if next(failures):
            raise OSError("the disk is full")
        whole(self, path, data)

    monkeypatch.setattr(store.LocalStore, "write", write)
    task = sink(tmp_path, reports=True)
    task.put({"n": 0}, {"n": 1}, None, *({"n": number} for number in range(2, 10)))
    assert (task.retried, task.context.timeouts) == (3, [1] * 3)
    assert [record.kafka_offset for record, _ in task.rejected] == [2]
    read = [json.loads(line)["n"] for data in files(tmp_path).values() for line in data.splitlines()]
    assert read == list(range(9))
    monkeypatch.setattr(store.LocalStore, "write", lambda *_: (_ for _ in ()).throw(OSError("still full")))
    with pytest.raises(ConnectError, match="still full, after 2 more tries"):
        sink(tmp_path, max_retries=2).put(*({"n": number} for number in range(3)))


def test_folders(tmp_path: Path) -> None:
    at = int(DAY.timestamp() * 1000)

    def folder(**more: object) -> str:
        directory = tmp_path / str(len(list(tmp_path.iterdir())))
        task = sink(directory, flush_size=1, **more)
        task.put(row(1, name="a/b"), timestamps=[at])
        (name,) = files(directory)
        return name.removeprefix("topics/things/").rpartition("/")[0]

    assert folder(partitioner="hourly") == "year=2020/month=02/day=29/hour=23"
    assert folder(partitioner="daily", timezone="Europe/Berlin") == "year=2020/month=03/day=01"
    time = {"partitioner.class": "io.confluent.connect.storage.partitioner.TimeBasedPartitioner"}
    time |= {"path.format": "'d'=YYYY-MM-dd/HHmm", "partition.duration.ms": "900000"}
    assert folder(**time) == "d=2020-02-29/2330"
    field = {"timestamp.extractor": "RecordField", "timestamp.field": "at"}
    assert folder(partitioner="daily", **field) == "year=2020/month=02/day=29"
    assert folder(partitioner="field", partition_field_name="id,inner.x") == "id=1/inner.x=1"
    assert folder(partitioner="field", partition_field_name="name,nope") == "name=a%2Fb/nope=null"


def test_schemas_and_times_and_sizes_begin_new_files(tmp_path: Path) -> None:
    task = sink(tmp_path / "schema", flush_size=100, format="avro")
    other = SchemaBuilder.struct().field("y", INT32_SCHEMA).build()
    task.put(row(1), row(2), Struct(other, y=1), row(3))
    assert len(files(tmp_path / "schema")) == 2
    late = sink(tmp_path / "late", flush_size=100, rotate_interval_ms=1000)
    late.put(*({"n": number} for number in range(4)), timestamps=[0, 999, 1000, 1500])
    assert len(files(tmp_path / "late")) == 1
    big = sink(tmp_path / "big", flush_size=100, file_bytes_max=20)
    big.put(*({"n": number} for number in range(6)))
    assert len(files(tmp_path / "big")) == 2
    clock = sink(tmp_path / "clock", flush_size=100, rotate_schedule_interval_ms=1)
    clock.put({"n": 1})

    def is_written() -> bool:
        clock.put()
        return len(files(tmp_path / "clock")) == 1

    wait_for(is_written, "the clock says so")


def test_what_fits_in_no_file_is_reported_and_counted(tmp_path: Path) -> None:
    task = sink(tmp_path, reports=True, format="parquet", flush_size=2)
    values = [{"n": 1}, None, "text", {"n": [1, "mixed"]}, {"n": 2}, 7]
    task.put(*values)
    assert [record.kafka_offset for record, _ in task.rejected] == [1, 2, 3, 5]
    table = pq.read_table(io.BytesIO(next(iter(files(tmp_path).values()))))
    assert table.num_rows + len(task.rejected) == len(values)
    assert task.commit() == {TopicPartition("things", 0): 6}
    with pytest.raises(ConnectError, match="record things-0@0 has no value"):
        sink(tmp_path).put(None)
    quiet = sink(tmp_path, behavior_on_null_values="ignore")
    quiet.put(None, None)
    assert quiet.commit() == {TopicPartition("things", 0): 2}
    field = sink(tmp_path, partitioner="field", partition_field_name="tags")
    with pytest.raises(ConnectError, match="the field tags is no single value"):
        field.put(row(1))


def test_a_store_elsewhere() -> None:
    memory = fsspec.filesystem("memory")
    task = sink("memory://lake/x", topics_dir="")
    task.put(*({"n": number} for number in range(3)))
    assert memory.cat_file("/lake/x/things/partition=0/things+0+0000000000.json") == b'{"n":0}\n{"n":1}\n{"n":2}\n'


def test_wrong_configurations_name_the_key() -> None:
    good = {"output.path": "out", "flush.size": "1"}
    assert errors_of(FilesSinkConnector, good) == {}
    assert (
        errors_of(FilesSinkConnector, good | {"format.class": "io.confluent.connect.s3.format.avro.AvroFormat"}) == {}
    )
    for key, more in {
        "output.path": {"output.path": ""},
        "flush.size": {"flush.size": "0"},
        "format": {"format": "xml"},
        "compression": {"compression": "snappy"},
        "partitioner": {"partitioner": "random"},
        "partition.field.name": {"partitioner": "field"},
        "path.format": {"path.format": "'x"},
        "timezone": {"timezone": "Mars"},
        "timestamp.extractor": {"timestamp.extractor": "Guess"},
    }.items():
        assert list(errors_of(FilesSinkConnector, good | more)) == [key]
    assert list(errors_of(S3SinkConnector, {"flush.size": "1"})) == ["s3.bucket.name"]
