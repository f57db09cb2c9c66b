"""The way to MongoDB: the settings of the connection, and which of its errors may pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, HIGH, LOW, MEDIUM, PASSWORD, STRING, ConfigDef
from ottla.connect.api.validators import ValidString
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

URI: Final = "connection.uri"
API_VERSION: Final = "server.api.version"
API_STRICT: Final = "server.api.strict"
API_DEPRECATION_ERRORS: Final = "server.api.deprecation.errors"
SCHEMES: Final = ("mongodb://", "mongodb+srv://")
EXTRA: Final = "[mongodb]"
_SERVER_API: Final = "Server API"


def server_config(default_uri: str) -> ConfigDef:
    return (
        ConfigDef()
        .define(URI, PASSWORD, default_uri, HIGH, "The servers: mongodb://USER:PASSWORD@HOST:PORT,…/?OPTIONS.")
        .define(
            API_VERSION, STRING, "", MEDIUM, "The Stable API to declare.", validator=ValidString("", "1"),
            group=_SERVER_API,
        )
        .define(API_STRICT, BOOLEAN, False, LOW, "Whether commands outside of it are refused.", group=_SERVER_API)
        .define(
            API_DEPRECATION_ERRORS, BOOLEAN, False, LOW, "Whether what it deprecates is refused.", group=_SERVER_API
        )
    )  # fmt: skip


def server_problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if not config[URI].value.startswith(SCHEMES):
        yield URI, f"it begins with one of {', '.join(SCHEMES)}"


def connect(config: Mapping[str, Any], role: str) -> Any:
    """A `pymongo.MongoClient`, which connects when it is used first. `role` is how it calls itself to the server.

    `ConfigError`-worthy text of the driver comes as its own `PyMongoError`.
    """
    pymongo = load("pymongo", EXTRA)
    more: dict[str, Any] = {}
    if config[API_VERSION]:
        api = load("pymongo.server_api", EXTRA)
        more["server_api"] = api.ServerApi(
            config[API_VERSION],
            strict=config[API_STRICT] or None,
            deprecation_errors=config[API_DEPRECATION_ERRORS] or None,
        )
    driver = load("pymongo.driver_info", EXTRA).DriverInfo(f"ottla {role}")
    return pymongo.MongoClient(config[URI].value, driver=driver, datetime_conversion="DATETIME_MS", **more)


def is_away(error: Exception) -> bool:
    """Whether it may work when it is tried again: nobody answers, or the server says so."""
    errors = load("pymongo.errors", EXTRA)
    if isinstance(error, errors.ConfigurationError):
        return False
    if isinstance(error, errors.ConnectionFailure):
        return True
    return isinstance(error, errors.PyMongoError) and (
        error.has_error_label("RetryableWriteError") or error.has_error_label("ResumableChangeStreamError")
    )
