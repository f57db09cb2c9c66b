"""Maintenance of a lake's table while others commit to it: it begins again, and at last leaves it for the next time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ottla.connect.connectors.iceberg.table import CONFLICTS_MAX
from ottla.connect.lake.maintenance import maintain

if TYPE_CHECKING:
    from pathlib import Path

sql = pytest.importorskip("pyiceberg.catalog.sql", reason="pip install 'ottla[iceberg]'")
pyarrow = pytest.importorskip("pyarrow", reason="pip install 'ottla[iceberg]'")


def catalog_of(directory: Path, kind: type[Any] = sql.SqlCatalog) -> Any:
    return kind("lake", uri=f"sqlite:///{directory}/catalog.db", warehouse=f"file://{directory}/files")


class InterruptedCatalog(sql.SqlCatalog):  # type: ignore[misc, name-defined]  # it may not be installed
    """Before each of `left` commits somebody else adds a row, between the look at the table and the change of it."""

    left = 0
    other: Any = None

    def load_table(self, identifier: Any) -> Any:
        found = super().load_table(identifier)
        if self.left:
            self.left -= 1
            self.other.refresh()
            self.other.append(pyarrow.table({"number": [self.left]}))
        return found


def tables(directory: Path, times: int) -> tuple[Any, Any]:
    """One table of four small files and snapshots, as two processes have it."""
    other = catalog_of(directory)
    other.create_namespace("topics")
    made = other.create_table("topics.orders", pyarrow.schema({"number": pyarrow.int64()}))
    for number in range(1000, 1004):
        made.append(pyarrow.table({"number": [number]}))
    catalog = catalog_of(directory, InterruptedCatalog)
    table = catalog.load_table("topics.orders")
    catalog.left, catalog.other = times, made
    return table, made


@pytest.mark.parametrize("times", [1, 5])
def test_it_begins_again_on_top_of_what_others_commit(tmp_path: Path, times: int) -> None:
    table, other = tables(tmp_path, times)
    numbers = [1000, 1001, 1002, 1003]
    done = maintain(table, 1 << 50, small_bytes=0, kept=1, min_age_ms=0)
    assert done.snapshots_expired >= 4
    assert done.files_deleted > 0
    other.refresh()
    assert sorted(other.scan().to_arrow()["number"].to_pylist()) == [*range(times), *numbers]


def test_of_what_changes_all_the_time_it_forgets_nothing(tmp_path: Path) -> None:
    table, other = tables(tmp_path, 1000)
    done = maintain(table, 1 << 50, small_bytes=0, kept=1, min_age_ms=0)
    assert (done.snapshots_expired, done.files_deleted) == (0, 0)
    other.refresh()
    assert other.scan().to_arrow().num_rows == len(other.metadata.snapshots) > 4 + CONFLICTS_MAX
