"""Which records are shown, and how each looks. What a role may not see is hidden before any filter looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.console.web.messages.fields import CUT_LENGTH, Decoded, FieldDecoder, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ottla.clients.consumer import ConsumedRecord
    from ottla.console.web.access.masking import Mask
    from ottla.console.web.messages.expression import Row

HEADERS_MAX: Final = 200
"""Of a message, that are shown."""
BOTH: Final = "both"
ONLY: Final = "only"
WITHOUT: Final = "without"


class Matched(NamedTuple):
    partition: int
    offset: int
    timestamp_ms: int
    shown: dict[str, Any]
    """A MESSAGE of the API."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Texts are looked for without regard to case; empty ones match everything."""

    key: str = ""
    value: str = ""
    header: str = ""
    where: Callable[[Row], bool] | None = None
    tombstones: str = BOTH

    @property
    def is_everything(self) -> bool:
        return not (self.key or self.value or self.header or self.where) and self.tombstones == BOTH


class MessageFilter:
    """Blocks where a schema is not known yet: to be called in a thread."""

    def __init__(self, topic: str, wanted: Wanted, key: FieldDecoder, value: FieldDecoder, mask: Mask) -> None:
        self._topic = topic
        self._wanted = wanted
        self._key_text, self._value_text = wanted.key.casefold(), wanted.value.casefold()
        self._header_text = wanted.header.casefold()
        self._key = key
        self._value = value
        self._mask = mask

    def matches(self, records: Iterable[ConsumedRecord]) -> list[Matched]:
        return [found for record in records if (found := self.look(record)) is not None]

    def look(self, record: ConsumedRecord, longest: int = CUT_LENGTH) -> Matched | None:
        wanted = self._wanted
        if wanted.tombstones != BOTH and (record.value is None) is not (wanted.tombstones == ONLY):
            return None
        key = self._key(record.key)
        if self._key_text and not key.contains(self._key_text):
            return None
        value = self._value(record.value)
        if self._value_text and not value.contains(self._value_text):
            return None
        headers = [(name, self._header(name, each)) for name, each in record.headers[:HEADERS_MAX]]
        if self._header_text and not self._in_headers(headers):
            return None
        if wanted.where is not None and not self._fits(wanted.where, record, key, value, headers):
            return None
        return Matched(record.partition, record.offset, record.timestamp, _shown(record, key, value, headers, longest))

    def _header(self, name: str, value: bytes | None) -> Decoded:
        if value is None:
            return Decoded("null", None, 0)
        shown, masked = self._mask.header(self._topic, name, value)
        return Decoded("text", shown, len(value), masked=True) if masked else as_text(value)

    def _in_headers(self, headers: Sequence[tuple[str, Decoded]]) -> bool:
        wanted = self._header_text
        return any(wanted in name.casefold() or each.contains(wanted) for name, each in headers)

    def _fits(
        self,
        where: Callable[[Row], bool],
        record: ConsumedRecord,
        key: Decoded,
        value: Decoded,
        headers: Sequence[tuple[str, Decoded]],
    ) -> bool:
        row = {
            "key": key.value,
            "value": value.value,
            "headers": {name: each.value for name, each in headers},
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
            "size": size_of(record),
            "topic": self._topic,
        }
        try:
            return where(row)
        except (RecursionError, TypeError, ValueError, OverflowError):
            return False  # of a value that nothing in the language was made for


def size_of(record: ConsumedRecord) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def _shown(
    record: ConsumedRecord, key: Decoded, value: Decoded, headers: Sequence[tuple[str, Decoded]], longest: int
) -> dict[str, Any]:
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp,
        "size_bytes": size_of(record),
        "tombstone": record.value is None,
        "key": key.to_json(longest),
        "value": value.to_json(longest),
        "headers": [{"name": name, "value": each.to_json(longest)} for name, each in headers],
    }
