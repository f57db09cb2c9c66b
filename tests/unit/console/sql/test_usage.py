"""What a query cannot see is not decoded: what DuckDB says of its columns, and that nobody notices."""

from __future__ import annotations

import duckdb
import pytest
from tests.unit.console.sql.test_columns import columns, placed

from ottla.console.sql.query import parse_query
from ottla.console.sql.usage import names_of

NAMES = [
    ("select count(*) from t", set()),
    ("select count() filter (where A > 1) from t group by all order by all", {"a"}),
    ('select t.a, "B ""c", user from t', {"t", "a", 'b "c', "user"}),
    (
        "select w.n from t join u using (id) where exists (select 1 from v where v.x = _key)",
        {"w", "n", "id", "v", "x", "_key"},
    ),
    ("with w as (select sum(a) over (partition by b order by c) s from t) select s from w", {"a", "b", "c", "s"}),
    ("from t select list_transform(l, lambda x: x + y) where _offset > 3", {"l", "x", "y", "_offset"}),
    ("select distinct on (b) a from t union by name select c from u order by a", {"a", "b", "c"}),
    ("from t", None),
    ("select t.* exclude (a) from t", None),
    ("select columns('a.*') from t", None),
    ("select o from t o", None),
    ('select unnest("T") from t', None),
    ("select w from (select a, b from t) w", None),
    ("with w as (select a, b from t) select to_json(w) from w", None),
    ("select a from t natural join u", None),
    ("select #2 from t", None),
    ("select x from t as o(x)", None),
    ("unpivot t on a", None),
    ("pivot t on a using sum(b)", None),
    ("select count(distinct *) from t", None),
    ("select count(*) from t order by columns(*)", set()),
    ("summarize t", None),
    ("explain select a from t", None),
]


@pytest.mark.parametrize(("text", "names"), NAMES)
def test_what_a_query_sees(text: str, names: set[str] | None) -> None:
    assert names_of(text) == names


QUERIES = [
    "select count(*), max(_offset) from orders",
    "select sum(a), b from orders group by b order by all",
    "select o.who.name, _key from orders o where o.A > 0 order by 1",
    "from orders order by all",
    "select orders from orders order by all",
    "select * exclude (_timestamp) from latest(orders) order by all",
    "select n.a, t.b from orders n join latest(orders) t using (_key) order by all",
    "select n.a from orders n natural join latest(orders) order by all",
    "select #4, typeof(a), typeof(mixed) from orders order by all",
    "with w as (from orders select a, who) select w from w order by all",
    "select a from (select b as a from orders) order by 1",
    "select _value, len(_headers) from orders order by all",
    "select columns('[ab]') from orders order by all",
    "select x from orders as o(p, x) order by 1",
    "select list_transform([a], lambda v: v + b) from orders order by 1",
    "select a from orders union all by name select mixed from orders order by all",
    "summarize orders",
    "describe select mixed from orders",
    "select (select max(o.b) from latest(orders) o where o._key = i._key) from orders i order by 1",
    "select orders.a from orders qualify row_number() over (partition by b order by _offset) = 1 order by 1",
    "select nope from orders",
    "select a, n.b from orders, latest(orders) n",
    "unpivot (select a, b from orders) on a, b order by all",
    "select count(distinct orders) from orders",
    "select max_by(_value, _offset) from orders group by who order by all",
]
ROWS = placed([
    (0, b"k1", b'{"a":1,"b":2.5,"who":{"name":"x"},"mixed":1}', [("h", b"1")]),
    (0, b"k2", b'{"a":2,"b":1,"mixed":"m"}', []),
    (1, b"k1", b"plain", []),
    (0, b"k1", b'{"a":null,"who":{"name":"y","age":3},"extra":[1]}', []),
])  # fmt: skip


@pytest.mark.parametrize("text", QUERIES)
def test_nobody_notices_what_was_not_decoded(text: str) -> None:
    assert told(text, lean=True) == told(text, lean=False)


def told(text: str, *, lean: bool) -> tuple[object, ...] | str:
    query = parse_query(text, 0)
    table = columns(ROWS, 2, seen=names_of(query.text) if lean else None)
    with duckdb.connect(":memory:") as connection:
        for each in query.references:
            connection.register(each.name, table)
        try:
            found = connection.sql(query.text)
            return [str(each) for each in found.types], found.columns, repr(found.to_arrow_table().to_pylist())
        except duckdb.Error as error:
            return str(error)
