"""`ottla sql` against a node: states of topics, decoding, bounds, and answers that can be had again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.ottla_cli import InProcessCli
from tests.peers.registry import RegistryProcess

from ottla.registry.client.avro import AvroSerializer
from ottla.registry.client.framing import Framing
from ottla.registry.client.registry_client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

FIRST_MS = 1_795_939_200_000  # 2026-11-29T08:00Z, and a second later each


class Table:
    """A topic with two partitions: key and value of record *n* at second *n*, in partition *n* modulo 2."""

    def __init__(self, node: NodeProcess, name: str) -> None:
        self.name = name
        self.address = node.address
        admin = AdminClient({"bootstrap.servers": node.address})
        (made,) = admin.create_topics([NewTopic(name, 2, 1)]).values()
        made.result()

    def write(self, records: list[tuple[bytes | None, bytes | None]], **settings: Any) -> None:
        producer = Producer({"bootstrap.servers": self.address, **settings})
        if "transactional.id" in settings:
            producer.init_transactions()
            producer.begin_transaction()
        for number, (key, value) in enumerate(records):
            producer.produce(self.name, value, key, number % 2, timestamp=FIRST_MS + 1000 * number)
        producer.flush()
        if "transactional.id" in settings:
            producer.abort_transaction()


@pytest.fixture
def ottla(node: NodeProcess) -> InProcessCli:
    return InProcessCli(("--bootstrap", node.address))


@pytest.fixture(scope="module")
def orders(node: NodeProcess) -> Iterator[Table]:
    table = Table(node, "sql-orders")
    values = [{"id": n, "amount": n * 10, "who": {"name": f"n{n}"}, "tags": ["a", str(n)]} for n in range(10)]
    table.write([(b"k%d" % (number % 4), json.dumps(value).encode()) for number, value in enumerate(values)])
    table.write([(b"k0", None)])  # a tombstone at the end of partition 0
    yield table


def rows(ottla: InProcessCli, query: str, *words: str) -> list[list[Any]]:
    found = ottla.json("sql", query, *words)
    assert isinstance(found["rows"], list)
    return found["rows"]


def test_every_record_is_a_row_and_fields_are_columns(ottla: InProcessCli, orders: Table) -> None:
    query = 'select _partition, _offset, _key, id, amount, who.name, tags from "sql-orders" where id < 2 order by id'
    assert rows(ottla, query) == [[0, 0, "k0", 0, 0, "n0", ["a", "0"]], [1, 0, "k1", 1, 10, "n1", ["a", "1"]]]
    assert rows(ottla, 'select count(*), count(_value), max(_timestamp) from "sql-orders"') == [
        [11, 10, "2026-11-29T08:00:09+00:00"]
    ]


def test_the_last_value_of_each_key_is_a_table(ottla: InProcessCli, orders: Table) -> None:
    assert rows(ottla, 'select _key, id from latest("sql-orders") order by all') == [["k1", 9], ["k2", 6], ["k3", 7]]


def test_as_of_a_time_and_as_of_offsets(ottla: InProcessCli, orders: Table) -> None:
    then = "as of timestamp '2026-11-29 08:00:04'"
    assert rows(ottla, f'select _key, id from latest("sql-orders") {then} order by all') == [
        ["k0", 4],
        ["k1", 1],
        ["k2", 2],
        ["k3", 3],
    ]
    found = ottla.json("sql", f'select count(*) from "sql-orders" {then}')
    assert (found["rows"], found["records"]) == ([[5]], 5)
    assert found["read"][0]["ranges"] == {"0": [0, 3], "1": [0, 2]}
    again = found["read"][0]["again"]
    assert rows(ottla, f"select count(*) from {again}") == [[5]]
    assert rows(ottla, "select max(id) from \"sql-orders\" as of offsets '0:2'") == [[2]]
    between = "between timestamp '2026-11-29T08:00:03Z' and timestamp '2026-11-29T09:00:05+01:00'"
    assert rows(ottla, f'select id from "sql-orders" {between} order by id') == [[3], [4], [5]]
    joined = (
        f'select n.id - t.id from latest("sql-orders") n join latest("sql-orders") {then} t using (_key) order by 1'
    )
    assert rows(ottla, joined) == [[4], [4], [8]]


def test_what_is_left_out_is_not_read(ottla: InProcessCli, orders: Table) -> None:
    for where, count, records in [
        ("_partition = 1", 5, 5),
        ("_partition = 1 and _offset >= 3", 2, 2),
        ("_offset < 1", 2, 2),
        ("_timestamp >= timestamptz '2026-11-29 08:00:08Z'", 2, 3),  # behind it stands an earlier one
    ]:
        found = ottla.json("sql", f'select count(*) from "sql-orders" where {where} and id >= 0')
        assert (found["rows"], found["records"]) == ([[count]], records), where


def test_what_was_aborted_is_not_there(ottla: InProcessCli, node: NodeProcess) -> None:
    table = Table(node, "sql-aborted")
    table.write([(b"a", b"1"), (b"b", b"2")])
    table.write([(b"a", b"3")], **{"transactional.id": "sql-aborted"})
    assert rows(ottla, 'select _key, _value from "sql-aborted" order by all') == [["a", "1"], ["b", "2"]]


def test_what_a_query_does_not_see_is_not_decoded(ottla: InProcessCli, node: NodeProcess) -> None:
    table = Table(node, "sql-unseen")
    table.write([(b"a", b'{"n":1}'), (b"b", b"{broken"), (b"a", b'{"n":3}')])
    words = ("--value-format", "json")
    assert rows(ottla, 'select count(*), max(_offset) from latest("sql-unseen")', *words) == [[2, 1]]
    assert ottla("sql", 'select n from "sql-unseen"', *words).code == 1
    refused = ottla("sql", 'select nope from "sql-unseen"')
    assert '"nope" not found' in refused.err
    assert '"n"' in refused.err  # what there is instead


def test_values_of_many_kinds_in_one_topic(ottla: InProcessCli, node: NodeProcess) -> None:
    table = Table(node, "sql-kinds")
    values = [b'{"a":1,"b":2,"C":null}', b'{"a":"x","b":2.5,"c":{}}', b"[1,2]", b"plain", b"{broken", b"\xff\x00", b""]
    table.write([(None, value) for value in values])
    found = rows(ottla, 'select a, b, _value from "sql-kinds" order by _offset, _partition')
    assert sorted(str(each[0]) for each in found) == ['"x"', "1", "None", "None", "None", "None", "None"]
    assert sorted(each[1] for each in found if each[1] is not None) == [2.0, 2.5]
    refused = ottla("sql", 'from "sql-kinds"', "--value-format", "json")
    assert (refused.code, "at offset" in refused.err, "--value-format json" in refused.err) == (1, True, True)


def test_bounds_are_kept_and_said(ottla: InProcessCli, orders: Table) -> None:
    for words, told in [
        (("--max-records", "5"), "--max-records"),
        (("--max-bytes", "60"), "--max-bytes"),
    ]:
        refused = ottla("sql", 'select count(*) from "sql-orders"', *words)
        assert (refused.code, told in refused.err) == (1, True), refused.err
    cut = ottla("sql", 'from "sql-orders"', "--max-rows", "3", "--csv")
    assert (len(cut.out.splitlines()), "more than 3 rows" in cut.err) == (4, True)
    refused = ottla("sql", "select sum(i * i) from range(100000000000) t(i)", "--max-seconds", "0.2")
    assert (refused.code, "no answer within 0.2 s" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ('delete from "sql-orders"', "a query is one SELECT"),
        ("select 1; select 2", "a query is one SELECT"),
        ("selec 1", "syntax error"),
        ('select nope from "sql-orders"', '"nope" not found'),
        ("from \"sql-orders\" as of offsets '0:100,1:0'", "sql-orders-0 ends at offset 6, before 100"),
        ("from \"sql-orders\" as of offsets '7:0'", "has partitions 0 to 1, not 7"),
        ('from "sql-order"', "there is no topic 'sql-order'"),
    ],
)
def test_what_cannot_be_is_said(ottla: InProcessCli, orders: Table, query: str, told: str) -> None:
    refused = ottla("sql", query)
    assert (refused.code, told in refused.err) == (1, True), refused.err


def test_topics_are_joined_with_files_and_databases(ottla: InProcessCli, orders: Table, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("key,name\nk1,one\nk2,two\n")
    file = f"'{tmp_path / 'names.csv'}'"
    query = f'select name, id from latest("sql-orders") o join {file} f on f.key = o._key order by all'
    assert rows(ottla, query) == [["one", 9], ["two", 6]]
    with duckdb.connect(str(tmp_path / "b.duckdb")) as made:
        made.execute("create table prices as select 3 as id, 7 as price")
    query = 'select price from "sql-orders" join d.prices using (id)'
    assert rows(ottla, query, "--attach", f"d={tmp_path / 'b.duckdb'}") == [[7]]
    refused = ottla("sql", "select 1", "--attach", "d=nowhere")
    assert (refused.code, "there is no file nowhere" in refused.err) == (2, True)


def test_values_are_read_by_their_schemas(ottla: InProcessCli, node: NodeProcess, tmp_path: Path) -> None:
    with RegistryProcess(tmp_path, node.address) as process:
        registry = RegistryClient(process.url)
        schema = json.dumps(
            {
                "type": "record",
                "name": "Order",
                "fields": [
                    {"name": "id", "type": "long"},
                    {"name": "placed", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                ],
            }
        )
        write = AvroSerializer(Framing(registry), schema)
        table = Table(node, "sql-avro")
        data = write("sql-avro", {"id": 2**40, "placed": FIRST_MS})
        table.write([(b"a", data)])
        found = rows(ottla, 'select id, placed from "sql-avro"', "--registry", process.url)
        assert found == [[2**40, "2026-11-29T08:00:00+00:00"]]
        nothing = "select sum(id), max(placed) from \"sql-avro\" as of offsets '0:0,1:0'"
        assert rows(ottla, nothing, "--registry", process.url) == [[None, None]]
        assert "the fields are not known" in ottla("sql", nothing).err
        table.write([(b"b", b"\x00\x00\x00\x00\x63x")])
        refused = ottla("sql", 'from "sql-avro"', "--registry", process.url, "--value-format", "registry")
        assert (refused.code, "knows no schema 99" in refused.err) == (1, True), refused.err
        assert data is not None
        cut = Table(node, "sql-avro-cut")
        cut.write([(b"a", data), (b"b", None), (b"c", data), (b"d", None), (b"e", data[:-1])])
        query = 'select _key, id from "sql-avro-cut"'
        whole = [["a", 2**40], ["b", None], ["c", 2**40], ["d", None]]
        assert sorted(rows(ottla, f"{query} as of offsets '0:2,1:2'", "--registry", process.url)) == whole
        refused = ottla("sql", query, "--registry", process.url)
        assert (refused.code, "sql-avro-cut-0 at offset 2" in refused.err) == (1, True), refused.err


def test_people_see_a_table_and_how_to_have_it_again(ottla: InProcessCli, orders: Table) -> None:
    shown = ottla.works("sql", 'select id, amount from "sql-orders" where id > 7 order by id')
    assert [line.split() for line in shown.out.splitlines()] == [["id", "amount"], ["8", "80"], ["9", "90"]]
    assert "Read: \"sql-orders\" between offsets '0:0,1:0' and '0:6,1:5'" in shown.err
