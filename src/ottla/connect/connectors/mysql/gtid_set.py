"""Sets of MySQL's global transaction ids: how far a connector is, in terms that every server of a topology understands.

A transaction is `source:number`, from MySQL 8.3 on also `source:tag:number`; a set is what the server writes and
Debezium's offsets hold: `3e11fa47-…:1-5:7:tag:1-2,…`. Its bytes, for the command that asks for a stream and in the
event with which a file begins, are those of `Gtid_set::encode` (sql/rpl_gtid_set.cc).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Interval = tuple[int, int]
    """The first number, and the one behind the last."""
    Source = tuple[str, str]
    """UUID and tag; the tag is empty where there is none."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_INTERVAL: Final = re.compile(r"(\d{1,19})(?:-(\d{1,19}))?")
_TAG: Final = re.compile(r"[a-z_][a-z0-9_]{0,31}")
_TAGGED: Final = 1
"""The format of sets of which one has a tag."""


@dataclass(frozen=True)
class GtidSet:
    intervals: Mapping[Source, tuple[Interval, ...]]
    """In their order, apart from each other, none of them empty."""

    @classmethod
    def parse(cls, text: str) -> GtidSet | None:
        """`None`: it is none of MySQL's."""
        found: dict[Source, list[Interval]] = {}
        for block in text.lower().replace("\n", "").split(",") if text.strip() else ():
            name, *parts = (part.strip() for part in block.split(":"))
            if _UUID.fullmatch(name) is None or not parts:
                return None
            source = (str(uuid.UUID(name)), "")
            for part in parts:
                interval = _INTERVAL.fullmatch(part)
                if interval is not None:
                    first = int(interval[1])
                    found.setdefault(source, []).append((first, int(interval[2] or first) + 1))
                elif _TAG.fullmatch(part) is not None:
                    source = (source[0], part)
                else:
                    return None
        return cls._of(found)

    @classmethod
    def _of(cls, intervals: Mapping[Source, Iterable[Interval]]) -> GtidSet:
        joined = {source: _joined(each) for source, each in intervals.items()}
        return cls({source: joined[source] for source in sorted(joined) if joined[source]})

    def after(self, gtid: str) -> GtidSet:
        """When that transaction is done, too."""
        more = GtidSet.parse(gtid)
        return self | more if more is not None else self

    def __or__(self, other: GtidSet) -> GtidSet:
        both = {source: [*each] for source, each in self.intervals.items()}
        for source, each in other.intervals.items():
            both.setdefault(source, []).extend(each)
        return GtidSet._of(both)

    def __sub__(self, other: GtidSet) -> GtidSet:
        return GtidSet._of(
            {source: _without(each, other.intervals.get(source, ())) for source, each in self.intervals.items()}
        )

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def of_sources(self, matches: Callable[[str], bool]) -> GtidSet:
        """What of it began on servers whose UUID matches."""
        return GtidSet({source: each for source, each in self.intervals.items() if matches(source[0])})

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        """Every record of a transaction has it in its offset."""
        blocks: dict[str, list[str]] = {}
        for (name, tag), intervals in self.intervals.items():
            block = blocks.setdefault(name, [])
            block += [tag] if tag else []
            block += [str(first) if first + 1 == end else f"{first}-{end - 1}" for first, end in intervals]
        return ",".join(":".join((name, *block)) for name, block in blocks.items())

    def encoded(self) -> bytes:
        has_tags = any(tag for _, tag in self.intervals)
        count = len(self.intervals)
        out = bytearray((_TAGGED << 56 | count << 8 | _TAGGED if has_tags else count).to_bytes(8, "little"))
        for (name, tag), intervals in self.intervals.items():
            out += uuid.UUID(name).bytes
            if has_tags:
                out.append(len(tag) << 1)  # at most 32: a number of one byte
                out += tag.encode()
            out += len(intervals).to_bytes(8, "little")
            for first, end in intervals:
                out += first.to_bytes(8, "little") + end.to_bytes(8, "little")
        return bytes(out)

    @classmethod
    def decode(cls, data: bytes) -> GtidSet:
        """Raises `ValueError` for another format, `IndexError` for bytes that are cut."""
        count = _number(data, 0)
        kind = count >> 56
        if kind not in (0, _TAGGED):
            raise ValueError(f"a set of GTIDs has the format {kind}, which is not known")
        count = count >> 8 & (1 << 48) - 1 if kind == _TAGGED else count
        found: dict[Source, list[Interval]] = {}
        at = 8
        for _ in range(count):
            name = str(uuid.UUID(bytes=data[at : at + 16]))
            at += 16
            tag = ""
            if kind == _TAGGED:
                end = at + 1 + (data[at] >> 1)
                tag = data[at + 1 : end].decode()
                at = end
            intervals = _number(data, at)
            at += 8
            for _ in range(intervals):
                found.setdefault((name, tag), []).append((_number(data, at), _number(data, at + 8)))
                at += 16
        return cls._of(found)


def _number(data: bytes, at: int) -> int:
    if at + 8 > len(data):
        raise IndexError("a set of GTIDs is cut")
    return int.from_bytes(data[at : at + 8], "little")


def _joined(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    found: list[Interval] = []
    for first, end in sorted(intervals):
        if first >= end:
            continue
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((first, end))
    return tuple(found)


def _without(intervals: Iterable[Interval], others: Iterable[Interval]) -> list[Interval]:
    left = list(intervals)
    for other_first, other_end in others:
        left = [
            piece
            for first, end in left
            for piece in ((first, min(end, other_first)), (max(first, other_end), end))
            if piece[0] < piece[1]
        ]
    return left
