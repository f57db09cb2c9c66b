"""The topic of a stream: its name with a prefix, in the characters that a topic may have."""

from __future__ import annotations

import re
from typing import Final

from ottla.connect.api.errors import ConnectError

TOPIC_CHARACTERS_MAX: Final = 249
_OTHERS: Final = re.compile(r"[^a-zA-Z0-9._-]")


class Topics:
    """Two streams never share a topic: `ConnectError`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._streams: dict[str, str] = {}
        self._topics: dict[str, str] = {}

    def of(self, stream: str) -> str:
        found = self._topics.get(stream)
        if found is None:
            found = _OTHERS.sub("_", self._prefix + stream)
            if not found or found in (".", "..") or len(found) > TOPIC_CHARACTERS_MAX:
                raise ConnectError(f"the stream {stream!r} makes no topic: {found!r} cannot be its name")
            other = self._streams.setdefault(found, stream)
            if other != stream:
                raise ConnectError(f"the streams {other!r} and {stream!r} have the same topic: {found}")
            self._topics[stream] = found
        return found
