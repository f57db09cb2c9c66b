"""What pages of other origins may ask (`access.control.allow.origin`, `….methods`): the headers that browsers look for.

As Jetty's `CrossOriginHandler`, which Kafka Connect has: nothing is refused here, browsers refuse what is not allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIGINS_KEY: Final = "access.control.allow.origin"
DEFAULT_METHODS: Final = ("GET", "HEAD", "POST")
ALLOWED_HEADERS: Final = "Content-Type"
PREFLIGHT_MAX_AGE_S: Final = 60
_ANY: Final = "*"


class CrossOrigin:
    """`origins` are regular expressions, and `*` alone is any. `ConfigError`."""

    def __init__(self, origins: list[str], methods: list[str]) -> None:
        self._is_any = _ANY in origins
        self._patterns = [_compiled(origin) for origin in origins if origin != _ANY]
        self._methods = tuple(methods) or DEFAULT_METHODS

    def headers(self, method: str, headers: Mapping[str, str]) -> dict[str, str]:
        """Of the answer to a request with these (their names in lower case)."""
        told = {"vary": "Origin"}
        origin = headers.get("origin")
        if not origin or not self._takes(origin):
            return told
        told["access-control-allow-origin"] = origin
        if method == "OPTIONS" and "access-control-request-method" in headers:
            told["access-control-max-age"] = str(PREFLIGHT_MAX_AGE_S)
            told["access-control-allow-methods"] = ",".join(self._methods)
            told["access-control-allow-headers"] = ALLOWED_HEADERS
        return told

    def _takes(self, origins: str) -> bool:
        if self._is_any:
            return True
        return any(pattern.fullmatch(origin) for origin in origins.split() for pattern in self._patterns)


def _compiled(origin: str) -> re.Pattern[str]:
    try:
        return re.compile(origin)
    except re.error as error:
        raise ConfigError.of(ORIGINS_KEY, origin, f"an origin is * or a regular expression: {error}") from None
