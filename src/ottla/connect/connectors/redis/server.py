"""The way to a Redis server: its settings, and which of its errors are worth another try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ottla.connect.api.config_def import HIGH, INT, LOW, MEDIUM, NO_DEFAULT_VALUE, PASSWORD, STRING, ConfigDef
from ottla.connect.api.validators import NonEmptyString, Range
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

URI: Final = "redis.uri"
USER: Final = "redis.username"
USER_PASSWORD: Final = "redis.password"
TIMEOUT_MS: Final = "redis.timeout.ms"
MAX_RETRIES: Final = "max.retries"
RETRY_BACKOFF_MS: Final = "retry.backoff.ms"
SCHEMES: Final = ("redis", "rediss", "unix")


def server_config() -> ConfigDef:
    return (
        ConfigDef()
        .define(
            URI, STRING, NO_DEFAULT_VALUE, HIGH, "The server: redis://HOST:PORT/DB, rediss://… over TLS.",
            validator=NonEmptyString(),
        )
        .define(USER, STRING, None, MEDIUM, "Who connects.")
        .define(USER_PASSWORD, PASSWORD, None, MEDIUM, "The password of who connects.")
        .define(TIMEOUT_MS, INT, 10_000, LOW, "How long an answer may take (ms).", validator=Range(1))
        .define(MAX_RETRIES, INT, 10, MEDIUM, "How often it is tried again.", validator=Range(0))
        .define(RETRY_BACKOFF_MS, INT, 3000, LOW, "The pause before another try, in ms.", validator=Range(0))
    )  # fmt: skip


def server_problems(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if urlsplit(config[URI]).scheme not in SCHEMES:
        yield URI, f"it begins with one of {', '.join(f'{each}://' for each in SCHEMES)}"


def connect(config: Mapping[str, Any]) -> Any:
    library = load("redis", "[redis]")
    more: dict[str, Any] = {
        "socket_timeout": config[TIMEOUT_MS] / 1000,
        "socket_connect_timeout": config[TIMEOUT_MS] / 1000,
    }
    if config[USER]:
        more["username"] = config[USER]
    if config[USER_PASSWORD] is not None:
        more["password"] = config[USER_PASSWORD].value
    return library.Redis.from_url(config[URI], **more)


def is_away(error: Exception) -> bool:
    """Whether it may work when it is tried again."""
    errors = load("redis.exceptions", "[redis]")
    if isinstance(error, errors.ConnectionError | errors.TimeoutError):
        return not isinstance(error, errors.AuthenticationError)
    text = str(error)
    return text.startswith(("LOADING", "BUSY ", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY"))
