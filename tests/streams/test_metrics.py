"""What a running application measures: of its records what is true of them, of its stores what RocksDB says."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from tests.peers.process import wait_for
from tests.streams.conftest import AT_LEAST_ONCE, QUICK
from tests.streams.counting import make_topics, read_counts, send_lines, some_lines
from tests.streams.dsl_word_count import topology

from ottla.streams.application.kafka_streams import KafkaStreams
from ottla.streams.application.metrics_listener import MetricsListener

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(120)


def test_an_application_measures_itself(tmp_path: Path, ottla: NodeProcess) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(400, 1))
    config = QUICK | AT_LEAST_ONCE | {"metrics.recording.level": "DEBUG", "state.dir": str(tmp_path / "state")}
    settings: dict[str, Any] = {"application.id": "word-count", "bootstrap.servers": ottla.address}
    built = topology({}).build(settings)
    with KafkaStreams(built, settings | config) as app:
        app.wait_until_running()
        read_counts(ottla.address, words)

        def values(name: str, group: str | None = None, **tags: str) -> list[Any]:
            wanted = {key.replace("_", "-"): value for key, value in tags.items()}.items()
            return [
                metric.value
                for each, metric in app.metrics().items()
                if each.name == name and group in (None, each.group) and wanted <= dict(each.tags).items()
            ]

        wait_for(lambda: sum(values("process-total", "stream-thread-metrics")) == 400 + words.total(), "all is counted")
        assert sum(values("records-consumed-total", topic="lines")) == 400
        assert sum(values("records-produced-total", topic="word-count-words-repartition")) == words.total()
        lines = sum(len(line) + len(str(number)) for number, line in enumerate(some_lines(400, 1)))
        assert sum(values("bytes-consumed-total", topic="lines")) == pytest.approx(
            lines + 400 * (8 + 8 + 4 + len("lines")), rel=0.1
        )
        assert sum(values("process-total", "stream-task-metrics")) == 400 + words.total()
        assert values("state", "stream-metrics") == ["RUNNING"]
        assert values("thread-state") == [4]
        assert values("alive-stream-threads") == [1]
        assert sum(values("task-created-total")) == 6
        assert values("topology-description") == [str(built.describe())]
        for name in ("poll-latency-max", "poll-records-max", "commit-latency-max", "process-latency-avg"):
            assert all(value > 0 for value in values(name, "stream-thread-metrics")), name
        assert 0 < values("poll-ratio")[0] <= 1
        wait_for(lambda: sum(values("commit-total", "stream-thread-metrics")) > 0, "a commit")
        latencies = values("record-e2e-latency-max", "stream-processor-node-metrics")
        assert any(value > 0 for value in latencies if not isnan(value))
        wait_for(lambda: sum(values("estimate-num-keys")) >= len(words), "the stores on disk have the words")
        assert sum(values("bytes-written-total")) > 0  # a statistic of RocksDB
        assert all(value > 0 for value in values("put-rate", rocksdb_state_id="counts"))
        assert set(values("restore-remaining-records-total")) == {0}
        running = {each.group for each in app.metrics()}
        with MetricsListener(app, port=0) as listener, urlopen(listener.url, timeout=10) as response:
            told = response.read().decode().splitlines()
        (processed,) = (line for line in told if line.startswith("kafka_streams_stream_thread_metrics_process_total{"))
        assert processed.endswith(f" {400 + words.total()}")
        assert any(line.startswith("kafka_streams_stream_metrics{") and 'state="RUNNING"' in line for line in told)
    assert "stream-task-metrics" in running
    assert {each.group for each in app.metrics()} == {"kafka-metrics-count", "stream-metrics"}
    assert values("state", "stream-metrics") == ["NOT_RUNNING"]
    with KafkaStreams(built, settings | config | {"state.dir": str(tmp_path / "elsewhere")}) as app:
        app.wait_until_running()
        assert sum(values("restore-total")) > 0
        assert set(values("restore-remaining-records-total")) == {0}
