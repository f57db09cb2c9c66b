"""What people see of the flows: on a terminal drawn in place, elsewhere a line now and then, and news at once."""

from __future__ import annotations

import io

from ottla.clients.consumer import TopicPartition
from ottla.mirror.display import TROUBLES_MAX, Display
from ottla.mirror.progress import FlowProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def flow() -> FlowProgress:
    progress = FlowProgress("a->b")
    progress.records, progress.bytes = 12_345, 1_000_000
    progress.lags = {TopicPartition("orders", 0): 7, TopicPartition("orders", 1): 0}
    return progress


def test_a_terminal_is_drawn_anew_in_place() -> None:
    out, progress = Terminal(), flow()
    display = Display(out, [progress], [progress], 10)
    display.show()
    assert "a->b" in out.getvalue()
    assert "lag 7  12,345 records of 2 partitions" in out.getvalue()
    progress.troubles["reading"] = "no broker could be reached"
    display.show()
    assert "\x1b[1F" in out.getvalue()  # over the one line that was there
    assert "  a->b: reading: no broker could be reached\n" in out.getvalue()
    progress.troubles |= {f"partition orders-{number}": "refused" for number in range(20)}
    display.show()
    assert "\x1b[2F" in out.getvalue()
    assert f"… and {21 - TROUBLES_MAX} more" in out.getvalue()


def test_elsewhere_lines_are_added_and_a_trouble_is_told_once() -> None:
    out, progress = io.StringIO(), flow()
    heartbeats_only = FlowProgress("b->a")
    display = Display(out, [progress], [progress, heartbeats_only], 10)
    heartbeats_only.troubles["heartbeats"] = "away"
    for _ in range(3):
        display.tell_news()
    assert out.getvalue() == "b->a: heartbeats: away\n"
    heartbeats_only.troubles.clear()
    display.tell_news()
    heartbeats_only.troubles["heartbeats"] = "away"
    display.finish()
    assert out.getvalue().count("b->a: heartbeats: away\n") == 2
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().count("a->b  ") == 1
