"""Files of every format as records, with a restart behind each; tails that are rotated and cut."""

from __future__ import annotations

import datetime
import gzip
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.connect.own.tasks import Source, StoredOffsets, errors_of

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.files.directory_source import DirectorySourceConnector
from ottla.connect.connectors.files.tail_source import FileTailSourceConnector
from ottla.connect.connectors.shapes import plain
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from pathlib import Path

UTC = datetime.UTC


class Inbox:
    def __init__(self, directory: Path) -> None:
        self.inbox, self.finished, self.error = (directory / name for name in ("in", "finished", "error"))
        self.inbox.mkdir(parents=True)

    def props(self, **more: object) -> dict[str, object]:
        paths = {"input.path": self.inbox, "finished.path": self.finished, "error.path": self.error}
        quick = {"empty.poll.wait.ms": 1, "topic": "t"}
        return paths | quick | {key.replace("_", "."): value for key, value in more.items()}

    def write(self, name: str, data: str | bytes) -> None:
        raw = data.encode() if isinstance(data, str) else data
        (self.inbox / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)

    def names(self) -> tuple[list[str], list[str], list[str]]:
        return tuple(  # type: ignore[return-value]
            sorted(path.name for path in folder.iterdir()) if folder.exists() else []
            for folder in (self.inbox, self.finished, self.error)
        )


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path)


LATER = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
ROWS: list[dict[str, Any]] = [
    {"id": 1, "name": "one", "price": Decimal("1.50"), "at": datetime.datetime(2020, 1, 1, tzinfo=UTC), "tags": ["a"]},
    {"id": 2, "name": 'tw"o,\n', "price": None, "at": None, "tags": []},
    {
        "id": 3,
        "name": None,
        "price": Decimal("-7.00"),
        "at": datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC),
        "tags": None,
    },
]


def parquet(directory: Path) -> bytes:
    fields = [("id", pa.int32()), ("name", pa.string()), ("price", pa.decimal128(9, 2))]
    fields += [("at", pa.timestamp("us", "UTC")), ("tags", pa.list_(pa.string()))]
    pq.write_table(pa.Table.from_pylist(ROWS, pa.schema(fields)), directory / "made", row_group_size=2)
    return (directory / "made").read_bytes()


def avro(directory: Path, codec: str = "deflate") -> bytes:
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
    at = {"type": "long", "logicalType": "timestamp-millis"}
    kinds = {"id": "int", "name": ["null", "string"], "price": ["null", decimal], "at": ["null", at]}
    kinds["tags"] = ["null", {"type": "array", "items": "string"}]
    schema = {"type": "record", "name": "row", "fields": [{"name": name, "type": each} for name, each in kinds.items()]}
    with (directory / "made").open("wb") as out:
        fastavro.writer(out, fastavro.parse_schema(schema), ROWS, codec, sync_interval=20)
    return (directory / "made").read_bytes()


def csv() -> str:
    return (
        'id,name,price,at,tags\n1,one,1.50,2020-01-01T00:00:00.000Z,"[""a""]"\n2,"tw""o,\n",,,[]\n'
        "3,,-7,2020-01-02T03:04:05.000Z,\n"
    )


def content(record: Any) -> Any:
    return plain(record.value)


def restarted_everywhere(inbox: Inbox, name: str, data: str | bytes, count: int, **more: object) -> list[Any]:
    """Whatever is stored last, what comes then is the rest."""
    inbox.write(name, data)
    whole = Source(DirectorySourceConnector, inbox.props(cleanup_policy="NONE", **more)).take(count)
    for place in range(len(whole)):
        offsets = StoredOffsets()
        offsets.store(whole[place])
        again = Source(DirectorySourceConnector, inbox.props(cleanup_policy="NONE", **more), offsets)
        rest = again.take(len(whole) - place - 1) or again.poll()
        assert [content(record) for record in rest] == [content(record) for record in whole[place + 1 :]]
        assert again.poll() == []
    return whole


@pytest.mark.parametrize("extension", ["csv", "csv.gz", "json", "parquet", "avro", "txt", "log.gz"])
def test_every_format_from_every_position(inbox: Inbox, tmp_path: Path, extension: str) -> None:
    kind = extension.removesuffix(".gz")
    plain_rows = [row | {"price": None, "at": None} for row in ROWS]
    made: dict[str, str | bytes] = {
        "csv": csv(),
        "json": "".join(json.dumps(row) + "\n\n" for row in plain_rows),
        "parquet": parquet(tmp_path),
        "avro": avro(tmp_path),
    }
    types = "id:int32,price:decimal(2),at:timestamp"
    data = made.get(kind, "one\r\n\ntwo ümlaut\nthree")
    records = restarted_everywhere(inbox, f"x.{extension}", data, 3, csv_types=types if kind == "csv" else "")
    if kind in ("txt", "log"):
        assert [record.value for record in records] == ["one", "", "two ümlaut", "three"]
        return
    expected = plain_rows if kind == "json" else ROWS
    if kind == "csv":
        expected = [
            row | {"name": row["name"] or "", "tags": tags} for row, tags in zip(ROWS, ('["a"]', "[]", ""), strict=True)
        ]
    assert [content(record) for record in records] == expected
    if kind != "json":
        for record in records:
            assert isinstance(record.value, Struct)
            record.value.validate()


@pytest.mark.parametrize("codec", ["null", "snappy", "zstandard"])
def test_codecs_of_avro(inbox: Inbox, tmp_path: Path, codec: str) -> None:
    try:
        data = avro(tmp_path, codec)
    except ValueError:
        pytest.skip(f"fastavro has no {codec} here")
    inbox.write("x.avro", data)
    assert [content(record) for record in Source(DirectorySourceConnector, inbox.props()).take(3)] == ROWS


def test_a_whole_file_is_a_record(inbox: Inbox) -> None:
    inbox.write("x.bin", b"\0\1")
    assert Source(DirectorySourceConnector, inbox.props()).take(1)[0].value == b"\0\1"


def test_files_go_when_their_records_are_written(inbox: Inbox) -> None:
    for name in ("b.txt", "a.txt", "empty.txt", "not.mine"):
        inbox.write(name, "" if name == "empty.txt" else f"{name}\n" * 3)
    inbox.write(".hidden.txt", "no")
    source = Source(DirectorySourceConnector, inbox.props(input_file_pattern=r".*\.txt", batch_size=2))
    assert source.task is not None
    first = source.task.poll() or []
    second = source.task.poll() or []
    assert [record.value for record in [*first, *second]] == ["a.txt"] * 3
    assert second[-1].source_offset is not None
    assert second[-1].source_offset["done"] is True
    third = source.task.poll() or []
    assert "a.txt" in inbox.names()[0]  # its records are not written
    for record in [*first, *second, *third]:
        source.offsets.store(record)
        source.task.commit_record(record, None)
    source.poll_until(lambda: inbox.names()[0] == [".hidden.txt", "not.mine"])
    assert inbox.names()[1] == ["a.txt", "b.txt", "empty.txt"]
    inbox.write("a.txt", "again\n")
    assert [record.value for record in source.take(1)] == ["again"]


def test_a_crash_before_a_file_goes_reads_it_no_second_time(inbox: Inbox) -> None:
    inbox.write("a.txt", "one\n")
    source = Source(DirectorySourceConnector, inbox.props())
    source.take(1)
    again = Source(DirectorySourceConnector, inbox.props(cleanup_policy="DELETE"), source.offsets)
    assert again.poll_until(lambda: inbox.names()[0] == []) == []


def test_tasks_share_files_and_nothing_is_read_twice(inbox: Inbox) -> None:
    for number in range(20):
        inbox.write(f"{number}.txt", f"{number}\n")
    tasks = [Source(DirectorySourceConnector, inbox.props(), task=number, tasks=3) for number in range(3)]
    found = [[record.value for record in source.poll_until(lambda: False, polls=25)] for source in tasks]
    assert all(found)
    assert sorted(int(str(each)) for some in found for each in some) == list(range(20))


@pytest.mark.parametrize(
    ("name", "data", "reason", "before"),
    [
        ("x.json", '{"a": 1}\n{"a": \n{"a": 2}\n', "the line that ends at byte 16 is no JSON", 1),
        ("x.csv", "a,b\n1,2\n3\n", "the row that ends at byte 10 has 1 columns, not 2", 1),
        ("x.csv", 'a,b\n1,"2\n', "the last row has a quote without an end", 0),
        ("x.csv", "a,a\n1,2\n", "the first line does not name columns", 0),
        ("x.txt", b"fine\n\xff\n", "no text in UTF-8", 1),
        ("x.parquet", b"PAR1 nonsense", "is broken", 0),
        ("x.avro", b"Obj\x01", "the Avro file ends too early", 0),
        ("x.avro", b"nonsense", "it is no Avro file", 0),
        ("x.json.gz", None, "is broken", 0),
        ("x.unknown", "?", "says nothing about its format", 0),
    ],
)
def test_a_file_that_is_none_is_told_or_put_aside(
    inbox: Inbox, name: str, data: str | bytes | None, reason: str, before: int
) -> None:
    if data is None:
        (inbox.inbox / name).write_bytes(b"nonsense")
    else:
        inbox.write(name, data)
    source = Source(DirectorySourceConnector, inbox.props())
    with pytest.raises(ConnectError, match=reason):
        source.take(before + 1)
    assert len(source.offsets.stored) == min(before, 1)
    inbox.write("y.txt", "good\n")
    tolerant = Source(DirectorySourceConnector, inbox.props(halt_on_error="false"))
    records = tolerant.poll_until(lambda: inbox.names() == ([], ["y.txt"], [name]))
    assert len(records) == before + 1


def test_types_of_columns(inbox: Inbox) -> None:
    inbox.write("x.csv", "1;true;0.5;2020-02-29;12:30:00.000Z\n;;;;\n")
    types = "a:int8,b:boolean,c:float64,d:date,e:time"
    props = inbox.props(csv_types=types, csv_separator_char=";", csv_first_row_as_header="false")
    one, two = Source(DirectorySourceConnector, props).take(2)
    day = datetime.date(2020, 2, 29)
    assert list(content(one).values())[:4] == [1, True, 0.5, day]
    assert list(content(two).values()) == [None] * 5
    inbox.write("x.csv", "300;true;0.5;2020-02-29;12:30:00.000Z\n")
    with pytest.raises(ConnectError, match="the column a: '300' is no int8"):
        Source(DirectorySourceConnector, props).take(1)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=6)


@settings(max_examples=40)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6))
def test_csv_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> None:
    import csv as library
    import io

    inbox = Inbox(tmp_path_factory.mktemp("csv"))
    out = io.StringIO(newline="")
    writer = library.writer(out, lineterminator="\n", quoting=library.QUOTE_ALL)
    writer.writerow(["a", "b"])
    writer.writerows(rows)
    inbox.write("x.csv", out.getvalue())
    records = Source(DirectorySourceConnector, inbox.props()).take(len(rows))
    assert [tuple(content(record).values()) for record in records] == rows


def test_a_store_elsewhere(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/inbox/a.json", b'{"a": 1}\n{"a": 2}\n')
    props = {
        "input.path": "memory://inbox",
        "finished.path": "memory://finished",
        "topic": "t",
        "empty.poll.wait.ms": 1,
    }
    source = Source(DirectorySourceConnector, props)
    assert [record.value for record in source.take(2)] == [{"a": 1}, {"a": 2}]
    source.poll_until(lambda: memory.exists("/finished/a.json"))
    assert not memory.exists("/inbox/a.json")


def test_wrong_configurations_name_the_key() -> None:
    good = {"input.path": "in", "finished.path": "out", "topic": "t"}
    assert errors_of(DirectorySourceConnector, good) == {}
    for key, more in {
        "input.path": {"input.path": ""},
        "topic": {"topic": ""},
        "finished.path": {"finished.path": ""},
        "error.path": {"halt.on.error": "false"},
        "input.file.pattern": {"input.file.pattern": "["},
        "format": {"format": "xml"},
        "csv.separator.char": {"csv.separator.char": "--"},
        "csv.types": {"csv.types": "a:b"},
        "cleanup.policy": {"cleanup.policy": "BURN"},
    }.items():
        assert list(errors_of(DirectorySourceConnector, good | more)) == [key]
    assert list(errors_of(FileTailSourceConnector, {"topic": "t"})) == ["files"]


# Tails


def tail(directory: Path, offsets: StoredOffsets | None = None, **more: object) -> Source:
    props = {"files": f"{directory}/*.log", "topic": "t", "refresh.interval.ms": 1}
    return Source(
        FileTailSourceConnector, props | {key.replace("_", "."): value for key, value in more.items()}, offsets
    )


def append(path: Path, text: str) -> None:
    with path.open("a") as out:
        out.write(text)


def test_lines_are_followed_in_many_files(tmp_path: Path) -> None:
    one, two = tmp_path / "1.log", tmp_path / "2.log"
    append(one, "a\nb\nunfini")
    source = tail(tmp_path)
    assert [record.value for record in source.take(2)] == ["a", "b"]
    append(two, "c\n")
    append(one, "shed\r\n")
    assert sorted((str(record.key), record.value) for record in source.take(2)) == [
        (str(one), "unfinished"),
        (str(two), "c"),
    ]
    source.stop()
    append(one, "d\n")
    again = tail(tmp_path, source.offsets)
    assert [record.value for record in again.take(1)] == ["d"]
    again.stop()


def test_a_file_that_is_rotated_loses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    append(log, "1\n2\n")
    source = tail(tmp_path)
    source.take(2)
    append(log, "3\nlast")
    log.rename(tmp_path / "x.log.1")
    append(log, "4\n")
    assert [record.value for record in source.take(3)] == ["3", "last", "4"]
    source.stop()
    append(log, "5\n")
    log.rename(tmp_path / "x.log.2")  # while nobody looks
    append(log, "sixth\n")
    again = tail(tmp_path, source.offsets)
    assert [record.value for record in again.take(2)] == ["5", "sixth"]
    log.write_text("7\n")  # shorter than what was read: it was cut
    again.stop()
    cut = tail(tmp_path, source.offsets)
    assert [record.value for record in cut.take(1)] == ["7"]
    cut.stop()


def test_only_what_comes_from_now_on(tmp_path: Path) -> None:
    append(tmp_path / "x.log", "old\n")
    source = tail(tmp_path, initial_position="end")
    assert source.poll() == []
    append(tmp_path / "x.log", "new\n")
    append(tmp_path / "y.log", "also new\n")
    assert sorted(str(record.value) for record in source.take(2)) == ["also new", "new"]
    source.stop()


def test_too_many_files_fail_the_task(tmp_path: Path) -> None:
    for number in range(3):
        append(tmp_path / f"{number}.log", "x\n")
    with pytest.raises(ConnectError, match="more than max"):
        tail(tmp_path, max_files=2).poll()
