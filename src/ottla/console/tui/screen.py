"""What is on the screen, and what a key does to it: pages of rows, one of them chosen, and what was opened of it.

Pure: keys come in by name, lines go out as wide as the terminal. Whatever records say, nothing but printable text
leaves: an escape sequence in a record must not reach the terminal.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = "up/down move   enter open   / filter   r refresh   q quit"
DETAIL_HELP = "up/down scroll   esc back   q quit"
_FRAME_LINES = 3
"""The title, the columns, and the last line."""


class Style(Enum):
    PLAIN = ""
    BOLD = "1"
    REVERSE = "7"
    DIM = "2"


class Line(NamedTuple):
    text: str
    style: Style = Style.PLAIN


class Ask(Enum):
    """What a key asks of whoever has the cluster."""

    QUIT = "quit"
    REFRESH = "refresh"
    OPEN = "open"
    CLOSE = "close"


@dataclass(slots=True)
class Page:
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    note: str = "…"
    """Shown while there are no rows."""
    chosen: int = 0


@dataclass(slots=True)
class Detail:
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    follows: bool = False
    """New rows come at the end, and stay in sight while the end is."""
    above: int | None = None
    """How many rows are above the first that is shown; `None`: the end is shown."""


class Screen:
    def __init__(self, cluster: str, pages: Sequence[Page]) -> None:
        self.cluster = cluster
        self.pages = list(pages)
        self.current = 0
        self.filter = ""
        self.is_typing = False
        self.detail: Detail | None = None
        self.error = ""
        self.height = 24

    @property
    def page(self) -> Page:
        return self.pages[self.current]

    def rows(self) -> list[tuple[str, ...]]:
        """Of the page, as far as the filter lets them through."""
        wanted = self.filter.casefold()
        return [row for row in self.page.rows if wanted in " ".join(row).casefold()] if wanted else self.page.rows

    def chosen_row(self) -> tuple[str, ...] | None:
        rows = self.rows()
        return rows[min(self.page.chosen, len(rows) - 1)] if rows else None

    def key(self, key: str) -> Ask | None:
        if key == "ctrl-c":
            return Ask.QUIT
        if self.is_typing:
            return self._type(key)
        if key == "q":
            return Ask.QUIT
        if self.detail is not None:
            return self._scroll(self.detail, key)
        return self._choose(key)

    def _type(self, key: str) -> Ask | None:
        if key in ("enter", "esc"):
            self.is_typing = False
            self.filter = "" if key == "esc" else self.filter
        elif key == "backspace":
            self.filter = self.filter[:-1]
        elif len(key) == 1 and key.isprintable():
            self.filter += key
        self.page.chosen = 0
        return None

    def _choose(self, key: str) -> Ask | None:
        steps = {"up": -1, "k": -1, "down": 1, "j": 1, "page-up": -self._room(), "page-down": self._room()}
        last = max(0, len(self.rows()) - 1)
        if key in steps:
            self.page.chosen = min(max(0, self.page.chosen + steps[key]), last)
        elif key in ("home", "end"):
            self.page.chosen = 0 if key == "home" else last
        elif key in ("tab", "right", "left"):
            self._go_to((self.current + (-1 if key == "left" else 1)) % len(self.pages))
        elif key.isdecimal() and 1 <= int(key) <= len(self.pages):
            self._go_to(int(key) - 1)
        elif key == "/":
            self.is_typing = True
        elif key == "esc":
            self.filter = ""
        elif key == "r":
            return Ask.REFRESH
        elif key == "enter" and self.chosen_row() is not None:
            return Ask.OPEN
        return None

    def _go_to(self, index: int) -> None:
        self.current, self.filter = index, ""

    def _scroll(self, detail: Detail, key: str) -> Ask | None:
        if key in ("esc", "left", "backspace"):
            return Ask.CLOSE
        most = max(0, len(detail.rows) - self._room())
        above = most if detail.above is None else detail.above
        steps = {"up": -1, "k": -1, "down": 1, "j": 1, "page-up": -self._room(), "page-down": self._room()}
        if key in steps:
            above = min(max(0, above + steps[key]), most)
        elif key in ("home", "end"):
            above = 0 if key == "home" else most
        detail.above = None if above == most and detail.follows else above
        return None

    def _room(self) -> int:
        return max(1, self.height - _FRAME_LINES)

    def lines(self, width: int, height: int) -> list[Line]:
        """As many as the terminal has, each as wide as it is."""
        self.height = height
        if self.detail is not None:
            body = self._detail_lines(self.detail, width)
            title, last = f" {self.detail.title}", DETAIL_HELP
        else:
            body = self._page_lines(width)
            tabs = "  ".join(
                f"[{number} {page.title}]" if page is self.page else f" {number} {page.title} "
                for number, page in enumerate(self.pages, 1)
            )
            title, last = f" ottla {self.cluster}  {tabs}", HELP
            if self.is_typing or self.filter:
                last = f"/{self.filter}{'_' if self.is_typing else '   (esc: all)'}"
        body = body[: height - 2] + [Line("")] * (height - 2 - len(body))
        lines = [Line(title, Style.REVERSE), *body, Line(self.error or last, Style.BOLD if self.error else Style.DIM)]
        return [Line(fit(line.text, width), line.style) for line in lines[:height]]

    def _page_lines(self, width: int) -> list[Line]:
        rows, room = self.rows(), self._room()
        if not rows:
            return [Line(" ".join(self.page.columns), Style.BOLD), Line(self.page.note, Style.DIM)]
        self.page.chosen = min(self.page.chosen, len(rows) - 1)
        first = max(0, min(self.page.chosen - room // 2, len(rows) - room))
        head, *texts = columns([self.page.columns, *rows[first : first + room]], width)
        chosen = self.page.chosen - first
        body = [Line(text, Style.REVERSE if index == chosen else Style.PLAIN) for index, text in enumerate(texts)]
        return [Line(head, Style.BOLD), *body]

    def _detail_lines(self, detail: Detail, width: int) -> list[Line]:
        room = self._room()
        most = max(0, len(detail.rows) - room)
        first = min(most, most if detail.above is None and detail.follows else detail.above or 0)
        head, *texts = columns([detail.columns, *detail.rows[first : first + room]], width)
        return [Line(head, Style.BOLD), *(Line(text) for text in texts)]


def columns(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Rows of as many cells each; the last column gets what is left."""
    count = len(rows[0])
    wide = [max(cells(row[index]) for row in rows) for index in range(count - 1)]
    return [
        "  ".join([*(fit(row[index], min(size, width)) for index, size in enumerate(wide)), plain(row[count - 1])])
        for row in rows
    ]


def fit(text: str, width: int) -> str:
    """Cut, or filled up with blanks, to exactly so many cells."""
    text = plain(text)
    if cells(text) > width:
        kept, used = [], 0
        for character in text:
            used += _cells(character)
            if used > width - 1:
                break
            kept.append(character)
        text = f"{''.join(kept)}…" if width > 0 else ""
    return text + " " * max(0, width - cells(text))


def cells(text: str) -> int:
    return sum(map(_cells, text))


def plain(text: str) -> str:
    """What cannot be printed is a dot."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "·" for each in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
