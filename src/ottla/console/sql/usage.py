"""Which columns a query can see, as DuckDB itself reads it: what it cannot see need not be made.

`None` stands for all of them: where there is a `*`, a row as a whole, NATURAL JOIN, PIVOT, or a column by its number.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Names = frozenset[str] | None
"""In lower case, as names of columns are compared."""
WHOLE_ROWS: Final = frozenset(("STAR", "PIVOT", "POSITIONAL_REFERENCE", "SHOW_REF"))
"""Types of nodes of DuckDB's that see columns without naming them."""


def names_of(text: str) -> Names:
    """What stands in a query where columns do; names of relations, and of fields within fields, are among them."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        try:
            (told,) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()[0]
        except duckdb.Error:  # one that was built without it
            return None
    tree = json.loads(told)
    if tree["error"]:  # EXPLAIN, for one, is nothing that it tells of
        return None
    names: set[str] = set()
    relations: set[str] = set()
    rows: set[str] = set()
    for node in _nodes(tree["statements"]):
        if node.get("type") in WHOLE_ROWS or node.get("ref_type") == "NATURAL" or node.get("column_name_alias"):
            return None
        named = [each.lower() for each in node.get("column_names", ())]
        names.update(named, (each.lower() for each in node.get("using_columns", ())))
        if len(named) == 1:
            rows.update(named)
        if "class" not in node:  # not an expression
            relations.update(node[each].lower() for each in ("alias", "table_name", "key") if node.get(each))
    return None if rows & relations else frozenset(names)


def sees(names: Names, column: str) -> bool:
    return names is None or column.lower() in names


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """All objects of it, but for ORDER BY ALL, which means what is selected."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += [each for name, each in node.items() if not (name == "expression" and _is_all(node))]
        elif isinstance(node, list):
            waiting += node


def _is_all(order: dict[str, Any]) -> bool:
    star = order["expression"]
    return "null_order" in order and star["type"] == "STAR" and star["expr"] is None and not star["relation_name"]
