"""The way to a database: URLs of JDBC and of SQLAlchemy, engines, and which errors are worth another try.

| `connection.url` | driver that is used, whichever is installed first |
|---|---|
| `jdbc:sqlite:FILE` | that of Python |
| `jdbc:postgresql://HOST:PORT/DB` | psycopg2, psycopg |
| `jdbc:mysql://…`, `jdbc:mariadb://…` | pymysql, MySQLdb |
| `jdbc:sqlserver://HOST:PORT;databaseName=DB` | pymssql, pyodbc |
| `jdbc:oracle:thin:@HOST:PORT/SERVICE` | oracledb |
| anything else | a URL of SQLAlchemy: `dialect+driver://…` |
"""

from __future__ import annotations

import json
import logging
import re
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlsplit
from zoneinfo import ZoneInfo

from ottla.connect.api.config_def import HIGH, INT, LONG, LOW, MEDIUM, NO_DEFAULT_VALUE, PASSWORD, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import LambdaValidator, NonEmptyString, Range
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger("ottla.connect.jdbc")
URL: Final = "connection.url"
USER: Final = "connection.user"
CONNECTION_PASSWORD: Final = "connection.password"
ATTEMPTS: Final = "connection.attempts"
BACKOFF_MS: Final = "connection.backoff.ms"
TIMEZONE: Final = "db.timezone"
EXTRA: Final = "[jdbc]"
_DRIVERS: Final = {
    "postgresql": (("psycopg2", "psycopg2"), ("psycopg", "psycopg")),
    "mysql": (("pymysql", "pymysql"), ("MySQLdb", "mysqldb")),
    "mariadb": (("pymysql", "pymysql"), ("MySQLdb", "mysqldb")),
    "mssql": (("pymssql", "pymssql"), ("pyodbc", "pyodbc")),
    "oracle": (("oracledb", "oracledb"),),
}
_REFUSALS_OF_MYSQL: Final = (1048, 1054, 1062, 1136, 1146, 1264, 1265, 1364, 1366, 1406, 1451, 1452, 3819, 4025)
"""Some of its drivers call these errors of the connection's kind: they are about a value or a statement."""
_ADDRESSED: Final = ("postgresql", "mysql", "mariadb")


def connection_config() -> ConfigDef:
    """What source and sink have in common."""
    group = "Connection"
    return (
        ConfigDef()
        .define(
            URL,
            STRING,
            NO_DEFAULT_VALUE,
            HIGH,
            "The database, as a JDBC URL or one of SQLAlchemy.",
            validator=NonEmptyString(),
            group=group,
        )
        .define(USER, STRING, None, HIGH, "Who connects, where the URL does not say.", group=group)
        .define(CONNECTION_PASSWORD, PASSWORD, None, HIGH, "The password of who connects.", group=group)
        .define(ATTEMPTS, INT, 3, LOW, "How often a connection is tried.", validator=Range(1), group=group)
        .define(BACKOFF_MS, LONG, 10000, LOW, "The pause between two tries, in ms.", validator=Range(0), group=group)
        .define(
            TIMEZONE,
            STRING,
            "UTC",
            MEDIUM,
            "The time zone of timestamps without one.",
            validator=LambdaValidator(_check_zone, "a time zone"),
            group=group,
        )
    )


def _check_zone(name: str, value: Any) -> None:
    try:
        zone(value)
    except (ValueError, OSError, KeyError):
        raise ConfigError.of(name, value, "there is no such time zone") from None


def _json_text(value: Any) -> str:
    """For a column of JSON, to which a field of text is JSON already, as this source reads it."""
    return value if isinstance(value, str) else json.dumps(value)


def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def sqlalchemy() -> Any:
    return load("sqlalchemy", EXTRA)


def url_of(config: Mapping[str, Any]) -> Any:
    """SQLAlchemy's URL of a configuration. `ConfigError`."""
    text = config[URL].strip()
    translated = _from_jdbc(text) if text.lower().startswith("jdbc:") else text
    library = sqlalchemy()
    try:
        url = library.make_url(translated)
    except library.exc.ArgumentError:
        raise ConfigError(f"{text.partition('?')[0]!r} is no URL of a database") from None
    if "+" not in url.drivername:
        url = url.set(drivername=_with_driver(url.drivername))
    if config.get(USER):
        url = url.set(username=config[USER])
    if config.get(CONNECTION_PASSWORD) is not None:
        url = url.set(password=config[CONNECTION_PASSWORD].value)
    try:
        url.get_dialect()
    except library.exc.NoSuchModuleError:
        text = f"there is no dialect {url.drivername!r} for SQLAlchemy here; install the package that has it"
        raise ConfigError(text) from None
    except Exception as error:
        raise ConfigError(f"the dialect {url.drivername!r} cannot be loaded: {error}") from error
    return url


def _with_driver(dialect: str) -> str:
    drivers = _DRIVERS.get(dialect, ())
    for module, driver in drivers:
        if find_spec(module) is not None:
            return f"{dialect}+{driver}"
    return f"{dialect}+{drivers[0][1]}" if drivers else dialect


def _from_jdbc(text: str) -> str:
    kind, _, rest = text[len("jdbc:") :].partition(":")
    kind = kind.lower()
    if kind == "sqlite":
        return f"sqlite:///{rest}" if rest not in ("", ":memory:") else "sqlite://"
    if kind in _ADDRESSED:
        return _addressed(kind, rest)
    if kind == "sqlserver":
        address, *settings = rest.removeprefix("//").split(";")
        named = {key.lower(): value for key, _, value in (each.partition("=") for each in settings)}
        return f"mssql://{address}/{named.get('databasename', named.get('database', ''))}"
    if kind == "oracle":
        found = re.fullmatch(r"thin:@(?://)?([^/:]+(?::\d+)?)[/:](.+)", rest)
        if found is not None:
            return f"oracle://{found[1]}/?service_name={quote(found[2])}"
    raise ConfigError(f"the JDBC URL jdbc:{kind}:… has no counterpart here; give SQLAlchemy's (dialect+driver://…)")


def _addressed(kind: str, rest: str) -> str:
    """`//host:port/db?user=…&password=…`; other parameters are the JDBC driver's alone."""
    parts = urlsplit(rest)
    given = dict(parse_qsl(parts.query))
    user, password = given.get("user", ""), given.get("password", "")
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return f"{kind}://{who}{parts.netloc}{parts.path}"


class Database:
    """One connection, made when it is needed and thrown away when it fails."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        library = sqlalchemy()
        self._url = url_of(config)
        self.zone = zone(config[TIMEZONE])
        self._attempts: int = config[ATTEMPTS]
        self._backoff_s: float = config[BACKOFF_MS] / 1000
        try:
            self.engine = library.create_engine(self._url, poolclass=library.pool.NullPool, json_serializer=_json_text)
        except ImportError as error:
            raise ConnectError(f"{self._url.drivername} needs {error.name}, which is not installed") from error
        self._connection: Any = None

    @property
    def dialect(self) -> str:
        return str(self.engine.dialect.name)

    def connection(self, sleep: Callable[[float], object] = time.sleep) -> Any:
        """`ConnectError` when it cannot be made, however often it is tried."""
        if self._connection is None:
            for attempt in range(1, self._attempts + 1):
                try:
                    self._connection = self.engine.connect()
                    break
                except Exception as error:
                    text = f"the database {self.shown} cannot be reached: {error_text(error)}"
                    if attempt == self._attempts:
                        raise ConnectError(text) from error
                    _log.warning("%s; try %d of %d failed", text, attempt, self._attempts)
                    sleep(self._backoff_s)
        return self._connection

    @property
    def shown(self) -> str:
        return str(self._url.render_as_string(hide_password=True))

    def drop(self) -> None:
        """Close the connection; the next that is asked for is another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception:  # it is broken, that is why it goes
                _log.debug("a connection could not be closed", exc_info=True)

    def close(self) -> None:
        self.drop()
        self.engine.dispose()


def error_text(error: BaseException) -> str:
    """What the database said, without the statement."""
    origin = getattr(error, "orig", None) or error
    return " ".join(str(origin).split()) or type(origin).__name__


def may_pass(error: BaseException) -> bool:
    """Whether it may work when it is tried again: a connection, a lock, a shutdown; not a value or a statement."""
    library = sqlalchemy()
    if getattr(error, "connection_invalidated", False):
        return True
    code = next(iter(getattr(getattr(error, "orig", None), "args", ())), None)
    if code in _REFUSALS_OF_MYSQL:
        return False
    return isinstance(error, library.exc.OperationalError | library.exc.InterfaceError | library.exc.TimeoutError)
