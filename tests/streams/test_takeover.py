"""A Java application's offsets, repartition topic and changelog are taken over in Python, and handed back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conformance.test_java_streams import WordCount
from tests.peers.process import wait_for
from tests.streams.conftest import EXACTLY_ONCE, STREAMS
from tests.streams.counting import assert_exactly_once, make_topics, read_counts, send_lines, some_lines

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from pathlib import Path

    from tests.peers.process import NodeProcess
    from tests.streams.instance import Instance

pytestmark = [pytest.mark.java, pytest.mark.timeout(600)]


def test_java_python_java(broker: NodeProcess, instance: Callable[..., Instance], tmp_path: Path) -> None:
    make_topics(broker.address, sink="lines-counts")
    words = send_lines(broker.address, some_lines(500, 1))
    _run_java(broker, tmp_path, "java-before", words)
    words += send_lines(broker.address, some_lines(500, 2))
    settings = STREAMS | EXACTLY_ONCE | {"statestore.cache.max.bytes": "0", "test.output": "lines-counts"}
    python = instance(broker, "python", settings, "tests.streams.dsl_word_count:topology")
    python.start()
    assert_exactly_once(read_counts(broker.address, words, topic="lines-counts"), words)
    assert python.stop() == 0
    words += send_lines(broker.address, some_lines(500, 3))
    _run_java(broker, tmp_path, "java-after", words)
    assert_exactly_once(read_counts(broker.address, words, topic="lines-counts"), words)


def _run_java(broker: NodeProcess, directory: Path, label: str, words: Counter[str]) -> None:
    java = WordCount(directory, label, broker, "word-count", "lines")
    try:
        wait_for(lambda: java.is_running, f"{label} runs", 240)
        read_counts(broker.address, words, topic="lines-counts")
    finally:
        java.close()
