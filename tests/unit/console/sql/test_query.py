"""The text of a query: topics and their states, and what DuckDB is given in their place."""

from __future__ import annotations

import pytest

from ottla.console.sql.moment import AtOffsets, AtTime, QueryError
from ottla.console.sql.pruning import Part, parts
from ottla.console.sql.query import parse_query

NOW_MS = 1_000_000_000_000
EIGHT = 1_795_939_200_000  # 2026-11-29T08:00Z

TEXTS = [
    ("select * from orders", 'select * from "orders#0" AS "orders"', ["orders"]),
    ("from orders o where x", 'from "orders#0" o where x', ["orders"]),
    ("select * from orders as o", 'select * from "orders#0" as o', ["orders"]),
    ('select * from "a-b" x, c.d', 'select * from "a-b#0" x, "c.d#1" AS "c.d"', ["a-b", "c.d"]),
    (
        "select 1 from a left join b using (id)",
        'select 1 from "a#0" AS "a" left join "b#1" AS "b" using (id)',
        ["a", "b"],
    ),
    ("with x as (from y) from x", 'with x as (from "y#0" AS "y") from x', ["y"]),
    ("with x(a, b) as materialized (select 1, 2) from x", "with x(a, b) as materialized (select 1, 2) from x", []),
    ("select extract(year from _timestamp) from a", 'select extract(year from _timestamp) from "a#0" AS "a"', ["a"]),
    ("select a is distinct from b from c", 'select a is distinct from b from "c#0" AS "c"', ["c"]),
    ("from 'x.csv', range(3) t(i)", "from 'x.csv', range(3) t(i)", []),
    ("select (select max(n) from a) from b", 'select (select max(n) from "a#0" AS "a") from "b#1" AS "b"', ["a", "b"]),
    ("select ', from x' from a -- from b", 'select \', from x\' from "a#0" AS "a" -- from b', ["a"]),
    ("from db.t join information_schema.tables on true", "from db.t join information_schema.tables on true", []),
    ("select * from a where b between timestamp '2026-01-01' and now()", None, ["a"]),
    ("select 'from' a, \"join\" b from c", 'select \'from\' a, "join" b from "c#0" AS "c"', ["c"]),
    ("from a order by x, y", 'from "a#0" AS "a" order by x, y', ["a"]),
    ("", "", []),
]


@pytest.mark.parametrize(("text", "rewritten", "topics"), TEXTS)
def test_topics_are_found_where_relations_stand(text: str, rewritten: str | None, topics: list[str]) -> None:
    query = parse_query(text, NOW_MS, attached=["db"])
    assert [each.topic for each in query.references] == topics
    assert rewritten is None or query.text == rewritten


def test_states() -> None:
    text = """select * from latest(orders) as of timestamp '2026-11-29T08:00' o
        join latest("a.b") as of offsets '0:12, 1:7' on true
        join c between timestamp '2026-11-29 09:00+01:00' and '2026-11-29T08:00:01Z' on true
        join d between offsets '0:1' and offsets '0:5' x on true
        join e as of timestamp '15m ago' on true"""
    o, ab, c, d, e = parse_query(text, NOW_MS).references
    assert (o.latest, o.since, o.until) == (True, None, AtTime(EIGHT))
    assert (ab.topic, ab.latest, ab.until) == ("a.b", True, AtOffsets(((0, 12), (1, 7))))
    assert (c.latest, c.since, c.until) == (False, AtTime(EIGHT), AtTime(EIGHT + 1000))
    assert (d.since, d.until) == (AtOffsets(((0, 1),)), AtOffsets(((0, 5),)))
    assert e.until == AtTime(NOW_MS - 15 * 60_000)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from a as of timestamp 'soon'", "'soon' is no time"),
        ("from a as of timestamp 12", "a: write TIMESTAMP"),
        ("from a as of", "a: write TIMESTAMP"),
        ("from a as of offsets '0:1,0:2'", "each partition once"),
        ("from a as of offsets '1'", "are no offsets"),
        ("from a between timestamp '2026-01-01'", r"AND '…'"),
        ("from latest(a) between timestamp '2026-01-01' and '2026-01-02'", "AS OF, not with BETWEEN"),
        ("from latest(a", "wants the name of a topic"),
        ("from latest('a')", "wants the name of a topic"),
        ("from 'a", "a quote is open"),
    ],
)
def test_what_is_wrong_is_said(text: str, told: str) -> None:
    with pytest.raises(QueryError, match=told):
        parse_query(text, NOW_MS)


@pytest.mark.parametrize(
    ("where", "part"),
    [
        ("_partition = 1 and _offset >= 10 and 20 > _offset and amount > 3", Part(frozenset([1]), 10, 19)),
        ("o._partition in (1, 2) and o._partition in (2, 3)", Part(frozenset([2]))),
        ("_offset between 3 and 5", Part(None, 3, 5)),
        ("(_offset > 3 and (_offset < 9))", Part(None, 4, 8)),
        ("_timestamp >= '2026-11-29T08:00Z'", Part(timestamp_min_ms=EIGHT)),
        ("_timestamp > timestamp '2026-11-29 08:00'", Part(timestamp_min_ms=EIGHT)),
        ("_timestamp < timestamp '2026-11-29 08:00'", Part()),  # an earlier one may stand behind
        ("_offset < 3 or _partition = 1", None),
        ("not _offset < 3", None),
        ("_offset < n", None),
        ("_offset + 1 < 3", None),
    ],
)
def test_what_need_not_be_read(where: str, part: Part | None) -> None:
    query = parse_query(f"select * from orders o where {where}", NOW_MS)
    found = parts(query.text, [each.name for each in query.references])
    assert found == ({} if part is None else {"orders#0": part})


def test_a_column_of_nobody_in_particular_prunes_nothing() -> None:
    query = parse_query("select * from a join b on true where _offset < 3 and b._offset < 5", NOW_MS)
    assert parts(query.text, ["a#0", "b#1"]) == {"b#1": Part(None, None, 4)}
