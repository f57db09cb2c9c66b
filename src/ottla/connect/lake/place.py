"""Where a lake is: a catalog of Iceberg's, a warehouse, a namespace in it; and what its tables say of themselves.

A lake in a directory has its catalog there, as a file of SQLite. Each table says in its properties of which topic it is
(`ottla.lake.topic`, `ottla.lake.topic-id`) and whether it has each record or each key (`ottla.lake.mode`).
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS: Final = "versions"
TABLE: Final = "table"
MODES: Final = (VERSIONS, TABLE)
LAKE: Final = "lake"
"""What stands for a connector's name in the offsets of its tables."""
TOPIC: Final = "ottla.lake.topic"
TOPIC_ID: Final = "ottla.lake.topic-id"
MODE: Final = "ottla.lake.mode"
_SQLITE: Final = "sqlite:///"
CATALOG_FILE: Final = "catalog.db"
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Place:
    catalog: str
    """Its name, also in PyIceberg's own configuration."""
    namespace: str
    settings: dict[str, str] = field(repr=False)
    """Of the catalog, under PyIceberg's names; may have secrets."""

    def table_name(self, topic: str) -> str:
        """With what every engine takes for a name without quotes."""
        return f"{self.namespace}.{re.sub(r'[^A-Za-z0-9_]', '_', topic)}"

    @property
    def fingerprint(self) -> str:
        """The same for the same place, wherever it is said; eight hexadecimal digits."""
        said = [self.catalog, self.namespace, self.settings.get("uri", ""), self.settings.get("warehouse", "")]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:8]

    @property
    def _file(self) -> Path | None:
        """Of the catalog, where it is one."""
        uri = self.settings.get("uri", "")
        return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None

    @property
    def has_catalog(self) -> bool:
        """`False`: it would be made by looking."""
        return self._file is None or self._file.exists()

    def make(self) -> None:
        """A catalog that is a file, where it is not there. `ConnectError`."""
        if self._file is None or self._file.exists():
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConnectError(f"{self._file.parent} cannot be made: {error.strerror or error}") from error
        # Of two that make its tables at once one fails, and finds them when it looks again.
        with contextlib.suppress(ConnectError):
            self.open()
        self.open()

    def open(self) -> Any:
        """The catalog. `ConnectError` says why not."""
        library = load("pyiceberg.catalog", "[iceberg]")
        try:
            return library.load_catalog(self.catalog, **self.settings)
        except Exception as error:
            raise ConnectError(f"the catalog {self.catalog} cannot be opened: {_line(error)}") from error


def place_of(warehouse: str | None, catalog: str, namespace: str, settings: dict[str, str]) -> Place:
    """`ConfigError` names what is missing."""
    if warehouse is None:
        if "uri" not in settings and "type" not in settings and catalog == LAKE:
            raise ConfigError("say where the lake is: --warehouse DIR, or --catalog NAME of PyIceberg's configuration")
        return Place(catalog, namespace, dict(settings))
    if _SCHEME.match(warehouse) and not warehouse.startswith("file://"):
        if "uri" not in settings and catalog == LAKE:
            raise ConfigError(
                f"--warehouse {warehouse} is no directory: say where its catalog is, --set type=… --set uri=…, or"
                " --catalog NAME of PyIceberg's configuration"
            )
        return Place(catalog, namespace, {"warehouse": warehouse, **settings})
    directory = Path(warehouse.removeprefix("file://")).resolve()
    own = {
        "type": "sql",
        "uri": f"{_SQLITE}{directory / CATALOG_FILE}",
        "warehouse": f"file://{directory}",
    }
    return Place(catalog, namespace, own | settings)


def lake_tables(place: Place, names: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Name and table of PyIceberg's, in order; of `names`, which may be topics, only those. `ConnectError`."""
    if not place.has_catalog:
        raise ConnectError(f"there is no lake at {place.settings.get('uri')}: `ottla lake start` makes one")
    catalog = place.open()
    errors = load("pyiceberg.exceptions", "[iceberg]")
    wanted = {name if name.startswith(f"{place.namespace}.") else place.table_name(name) for name in names}
    try:
        known = sorted(".".join(each) for each in catalog.list_tables(place.namespace))
    except errors.NoSuchNamespaceError:
        known = []
    except Exception as error:
        raise ConnectError(f"the lake cannot be read: {_line(error)}") from error
    missing = wanted.difference(known)
    if missing:
        there = ", ".join(known) or "none"
        raise ConnectError(f"the lake has no table {sorted(missing)[0]}; there are: {there}")
    for name in known:
        if not wanted or name in wanted:
            table = catalog.load_table(name)
            if TOPIC in table.properties:
                yield name, table


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
