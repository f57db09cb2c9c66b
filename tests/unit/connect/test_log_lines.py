"""The lines that a worker keeps of each connector's log: within bounds, and whoever has read up to one can go on."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from ottla.connect.runtime import log_lines
from ottla.connect.runtime.log_lines import ConnectorLogHandler, LogLines

if TYPE_CHECKING:
    import pytest


def texts(lines: LogLines, connector: str = "one", after: int | None = None) -> list[str]:
    return [line.text for line in lines.after(connector, after)]


def test_one_goes_on_from_where_one_was() -> None:
    lines = LogLines()
    lines.add("one", None, "RUNNING")
    lines.add("other", 0, "not of it")
    lines.add("one", 3, "first\nsecond")
    found = lines.after("one", None)
    assert [(line.task, line.text) for line in found] == [(None, "RUNNING"), (3, "first"), (3, "second")]
    assert texts(lines, after=found[1].number) == ["second"]
    assert texts(lines, after=found[2].number) == []
    assert texts(lines, "nobody") == []
    assert LogLines().after("one", found[2].number) == [], "its next life has none yet"
    again = LogLines()
    again.add("one", None, "RUNNING")
    assert texts(again, after=found[2].number) == ["RUNNING"], "and then greater numbers"
    lines.forget("one")
    assert texts(lines) == []


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "LINES_MAX", 5)
    monkeypatch.setattr(log_lines, "TEXT_LENGTH_MAX", 22)
    monkeypatch.setattr(log_lines, "LINE_LENGTH_MAX", 10)
    monkeypatch.setattr(log_lines, "CONNECTORS_MAX", 2)
    monkeypatch.setattr(log_lines, "ANSWER_LINES_MAX", 3)
    lines = LogLines()
    lines.add("one", 0, "\n".join(map(str, range(8))))
    (first, *_) = lines.after("one", None)
    assert texts(lines) == ["5", "6", "7"]
    assert texts(lines, after=first.number - 3) == ["3", "4", "5"]
    lines.add("one", 0, "x" * 25)
    assert texts(lines)[-1] == "x" * 10 + "…"
    lines.add("one", 0, "y" * 20)
    assert texts(lines) == ["x" * 10 + "…", "y" * 10 + "…"], "no more characters than that"
    lines.add("two", 0, "a")
    lines.add("one", 0, "b")
    lines.add("three", 0, "c")
    assert (texts(lines, "two"), texts(lines, "three")) == ([], ["c"]), "who wrote last stays"


def test_what_the_thread_of_a_connector_logs_is_its_own() -> None:
    lines = LogLines()
    logger = logging.Logger("plugin")
    logger.addHandler(ConnectorLogHandler(lines))
    logger.warning("of the worker")
    thread = threading.Thread(target=lambda: logger.warning("%d tables", 3), name="connector one")
    thread.start()
    thread.join()
    (line,) = lines.after("one", None)
    assert (line.task, line.text.partition(" WARNING ")[2]) == (None, "plugin: 3 tables")
