"""The line that `ottla streams run` writes of what it restores."""

from __future__ import annotations

import io
import re

from ottla.streams.application.restore_listener import RestoreProgress
from ottla.streams.record import TopicPartition


def test_a_line_at_the_end_of_all() -> None:
    out = io.StringIO()
    progress = RestoreProgress(out)
    one, two = TopicPartition("log", 0), TopicPartition("log", 1)
    progress.on_restore_start(one, "store", 0, 10)
    progress.on_restore_start(two, "store", 5, 5)
    progress.on_restore_end(two, "store", 0)
    progress.on_batch_restored(one, "store", 10, 10)
    progress.on_restore_end(one, "store", 10)
    (line,) = out.getvalue().splitlines()[-1:]
    assert re.fullmatch(r"restoring 2 changelogs: 100 %, 10 records, [\d,]+/s", line)


def test_nothing_of_nothing() -> None:
    out = io.StringIO()
    progress = RestoreProgress(out)
    progress.on_restore_start(TopicPartition("log", 0), "store", 3, 3)
    progress.on_restore_end(TopicPartition("log", 0), "store", 0)
    assert out.getvalue() == ""
