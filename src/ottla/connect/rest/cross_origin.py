"""What pages of other origins may ask (`access.control.allow.origin`, `….methods`): the headers that browsers look for.

As Jetty's `CrossOriginFilter`, which Kafka Connect has: nothing is refused here, browsers refuse what is not allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_METHODS: Final = ("GET", "POST", "HEAD")
ALLOWED_HEADERS: Final = ("X-Requested-With", "Content-Type", "Accept", "Origin")
PREFLIGHT_MAX_AGE_S: Final = 1800


class CrossOrigin:
    """`origins` may have `*` in them, and `*` alone is any."""

    def __init__(self, origins: list[str], methods: list[str]) -> None:
        self._is_any = "*" in origins
        self._patterns = [re.compile(".*".join(map(re.escape, origin.split("*")))) for origin in origins]
        self._methods = tuple(methods) or DEFAULT_METHODS

    def headers(self, method: str, headers: Mapping[str, str]) -> dict[str, str]:
        """Of the answer to a request with these (their names in lower case)."""
        origin = headers.get("origin")
        if not origin or not self._takes(origin):
            return {}
        allowed = {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
        if not self._is_any:
            allowed["vary"] = "Origin"
        asked = headers.get("access-control-request-method")
        if method != "OPTIONS" or asked is None:
            return allowed
        wanted = [part.strip() for part in headers.get("access-control-request-headers", "").split(",") if part.strip()]
        known = {name.lower() for name in ALLOWED_HEADERS}
        if asked not in self._methods or any(name.lower() not in known for name in wanted):
            return {}
        return allowed | {
            "access-control-max-age": str(PREFLIGHT_MAX_AGE_S),
            "access-control-allow-methods": ",".join(self._methods),
            "access-control-allow-headers": ",".join(ALLOWED_HEADERS),
        }

    def _takes(self, origin: str) -> bool:
        return self._is_any or any(pattern.fullmatch(each) for each in origin.split() for pattern in self._patterns)
