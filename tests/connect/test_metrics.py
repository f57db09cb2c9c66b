"""What a worker tells Prometheus is what its tasks did."""

from __future__ import annotations

import re
import urllib.request
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.peers.apache_kafka import connect_jars
from tests.peers.connect import OttlaConnect
from tests.peers.process import free_port, wait_for

from ottla.connect.runtime.metrics import METRICS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

_LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


def scrape(address: str) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {f"{name}{{{labels}}}": float(value) for name, labels, value in _LINE.findall(text)}


def test_what_tasks_did_is_told(node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("17\nseventeen\n18\n")
    cast = "org.apache.kafka.connect.transforms.Cast$Value"
    source = {"connector.class": "FileStreamSource", "file": str(tmp_path / "in"), "topic": "metered"}
    tolerant = {"errors.tolerance": "all", "transforms": "c", "transforms.c.type": cast, "transforms.c.spec": "int8"}
    sink = {"connector.class": "FileStreamSink", "file": str(tmp_path / "out"), "topics": "metered"}
    once = {"exactly.once.source.support": "enabled"}
    worker = OttlaConnect(tmp_path / "worker", node.address, once, group="metered")
    worker.metrics_address = address = f"127.0.0.1:{free_port()}"
    with worker:
        worker.ask("PUT", "/connectors/in/config", source | tolerant)
        worker.ask("PUT", "/connectors/out/config", sink)
        told = {
            'kafka_connect_source_task_source_record_poll_total{connector="in",task="0"}': 3,
            'kafka_connect_source_task_source_record_write_total{connector="in",task="0"}': 2,
            'kafka_connect_source_task_source_record_active_count{connector="in",task="0"}': 0,
            'kafka_connect_task_error_total_records_skipped{connector="in",task="0"}': 1,
            'kafka_connect_sink_task_sink_record_send_total{connector="out",task="0"}': 2,
            'kafka_connect_connector_status{connector="out",task="0",status="running"}': 1,
            'kafka_connect_worker_connector_running_task_count{connector="in"}': 1,
            "kafka_connect_worker_connector_count{}": 2,
            "kafka_connect_worker_task_count{}": 2,
            "kafka_connect_worker_connector_startup_success_total{}": 2,
            "kafka_connect_worker_task_startup_attempts_total{}": 2,
            "kafka_connect_worker_task_startup_failure_percentage{}": 0,
            "kafka_connect_worker_rebalance_rebalancing{}": 0,
            'kafka_connect_connector_task_running_ratio{connector="in",task="0"}': 1,
            'kafka_connect_connector_task_batch_size_max{connector="in",task="0"}': 3,
            'kafka_connect_source_task_transaction_size_max{connector="in",task="0"}': 2,
            'kafka_connect_task_error_total_record_errors{connector="in",task="0"}': 1,
            'kafka_connect_sink_task_sink_record_active_count{connector="out",task="0"}': 0,
            'kafka_connect_connector_task_offset_commit_success_percentage{connector="out",task="0"}': 1,
        }
        wait_for(lambda: told.items() <= scrape(address).items(), "all is told")
        names = {name.partition("{")[0] for name in scrape(address)}
        of_others = ("ottla_connect_cdc_", "ottla_connect_plugin_")  # told where there is one
        assert {metric.name for metric in METRICS if not metric.name.startswith(of_others)} <= names
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=30) as answer:
            assert answer.status == 200
        rates = scrape(address)
        assert 0 < rates['kafka_connect_source_task_source_record_poll_rate{connector="in",task="0"}'] < 1
        assert rates['kafka_connect_task_error_last_error_timestamp{connector="in",task="0"}'] > 1_700_000_000_000


TEXTS = {"connector-type", "connector-class", "connector-version", "task-class", "task-version", "key-converter-class"}
TEXTS |= {"key-converter-version", "value-converter-class", "value-converter-version", "header-converter-class"}
TEXTS |= {"header-converter-version", "transform-class", "transform-version", "predicate-class", "predicate-version"}
TEXTS |= {"connect-protocol", "leader-name"}
NEVER_THERE = {"sink-record-lag-max"}
"""It is named there, and nothing measures it."""


@pytest.mark.java
@pytest.mark.long
def test_every_number_of_kafka_connect_is_told() -> None:
    """Its names are the texts in the class that has them all."""
    [jar] = connect_jars().glob("connect-runtime-*.jar")
    with zipfile.ZipFile(jar) as archive:
        data = archive.read("org/apache/kafka/connect/runtime/ConnectMetricsRegistry.class")
    texts = {text.decode() for text in re.findall(rb"(?<=[\x00-\x1f\x20-\x7e])[a-z]+(?:-[a-z]+)+(?=[\x00-\x1f])", data)}
    names = {text for text in texts if not text.endswith("-metrics")}
    ours = {metric.mbean.rpartition(" ")[2] for metric in METRICS}
    assert len(names) > 70
    assert names - TEXTS - NEVER_THERE - ours == set()
