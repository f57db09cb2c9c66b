"""The screen of `ottla tui`: what keys do, and what is drawn of whatever records say."""

from __future__ import annotations

import pytest

from ottla.console.tui.screen import Ask, Detail, Page, Screen, cells, fit
from ottla.console.tui.terminal import keys_of


@pytest.fixture
def screen() -> Screen:
    rows: list[tuple[str, ...]] = [(f"topic-{number}", str(number)) for number in range(100)]
    return Screen("here", [Page("Topics", ("TOPIC", "N"), rows), Page("Groups", ("GROUP",), note="None yet.")])


def texts(screen: Screen, width: int = 40, height: int = 10) -> list[str]:
    lines = screen.lines(width, height)
    assert len(lines) == height
    assert all(cells(line.text) == width for line in lines)
    return [line.text.rstrip() for line in lines]


def test_rows_are_chosen_and_stay_in_sight(screen: Screen) -> None:
    assert texts(screen)[0] == " ottla here  [1 Topics]   2 Groups"
    assert texts(screen)[2] == "topic-0  0"
    for _ in range(50):
        assert screen.key("down") is None
    assert "topic-50  50" in texts(screen)
    assert screen.chosen_row() == ("topic-50", "50")
    screen.key("end")
    assert texts(screen)[-2] == "topic-99  99"
    screen.key("down")
    assert screen.chosen_row() == ("topic-99", "99")
    screen.key("home")
    screen.key("up")
    assert screen.chosen_row() == ("topic-0", "0")
    assert screen.key("enter") is Ask.OPEN
    assert screen.key("r") is Ask.REFRESH
    assert screen.key("q") is Ask.QUIT


def test_a_filter_is_typed(screen: Screen) -> None:
    for key in ["/", "-", "9", "q", "backspace"]:
        assert screen.key(key) is None
    assert texts(screen)[-1] == "/-9_"
    screen.key("enter")
    assert [row[0] for row in screen.rows()] == ["topic-9", *(f"topic-{number}" for number in range(90, 100))]
    screen.key("esc")
    assert len(screen.rows()) == 100


def test_pages_and_an_empty_one(screen: Screen) -> None:
    screen.key("tab")
    assert texts(screen)[1:3] == ["GROUP", "None yet."]
    assert screen.key("enter") is None
    screen.key("1")
    assert screen.page.title == "Topics"
    screen.key("left")
    assert screen.page.title == "Groups"


def test_what_follows_stays_at_the_end_until_one_scrolls(screen: Screen) -> None:
    detail = screen.detail = Detail("orders", ("WHERE", "VALUE"), follows=True)
    detail.rows += [(f"0:{number}", "v") for number in range(30)]
    assert texts(screen)[-2] == "0:29   v"
    screen.key("up")
    detail.rows.append(("0:30", "v"))
    assert texts(screen)[-2] == "0:28   v"
    screen.key("end")
    assert texts(screen)[-2] == "0:30   v"
    assert screen.key("esc") is Ask.CLOSE
    assert screen.key("ctrl-c") is Ask.QUIT


def test_no_record_speaks_to_the_terminal(screen: Screen) -> None:
    screen.detail = Detail("t", ("WHERE", "VALUE"), [("0:0", "\x1b[2J\x07evil\r\n"), ("0:1", "日本語" * 20)])
    drawn = texts(screen)
    assert not any(character in "".join(drawn) for character in "\x1b\x07\r\n")
    assert "·[2J·evil··" in drawn[2]
    assert drawn[3].endswith("…")


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (3, 2), (200, 3)])
def test_any_size_will_do(screen: Screen, size: tuple[int, int]) -> None:
    assert all(cells(line.text) == size[0] for line in screen.lines(*size))


def test_fit_counts_cells() -> None:
    assert fit("日本", 3) == "日…"
    assert fit("e\u0301", 2) == "e\u0301 "


def test_keys_by_name() -> None:
    assert list(keys_of("a\x1b[A\x1b\r\x1b[5~ä\x03")) == ["a", "up", "esc", "enter", "page-up", "ä", "ctrl-c"]
