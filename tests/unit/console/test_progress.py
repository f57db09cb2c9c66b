"""The bar of bytes that are left, and amounts as people write them."""

from __future__ import annotations

import io

import pytest

from ottla.console.cli.progress import BAR_WIDTH, ByteProgress
from ottla.console.cli.quantities import parse_bytes


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_line_that_is_drawn_anew() -> None:
    stream, now_s = Terminal(), [0.0]
    bar = ByteProgress(stream, lambda: now_s[0])
    bar.show(4096, "2 partitions move")
    now_s[0] = 2.0
    bar.show(1024, "1 partition moves")
    bar.end()
    before, first, second = stream.getvalue().split("\r\x1b[K")
    assert before == ""
    assert first == f"[{'.' * BAR_WIDTH}]   0 % 4.00 KiB of 4.00 KiB left, 2 partitions move"
    assert second.endswith(" 75 % 1.00 KiB of 4.00 KiB left at 1.50 KiB/s, about 667 ms, 1 partition moves\n")


def test_elsewhere_a_line_now_and_then() -> None:
    stream, now_s = io.StringIO(), [0.0]
    bar = ByteProgress(stream, lambda: now_s[0])
    for now_s[0] in (0.0, 1.0, 4.9, 5.0, 6.0):
        bar.show(0, f"at {now_s[0]:g}")
    bar.end()
    assert [line.rpartition(", ")[2] for line in stream.getvalue().splitlines()] == ["at 0", "at 5"]
    assert "100 % 0 B of 0 B left" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1048576", 1048576),
        ("10M", 10 * 1024**2),
        ("1.5 GiB", 1024**3 * 3 // 2),
        ("500kb/s", 512_000),
        ("2t", 2 * 1024**4),
    ],
)
def test_amounts(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "fast", "0", "-1", "1X", "M"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="is no number of bytes: write"):
        parse_bytes(text)
