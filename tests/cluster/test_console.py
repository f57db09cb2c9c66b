"""The console of three nodes: it reads from every leader, tells who is gone, and goes on while one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from tests.cluster.conftest import SETTINGS
from tests.cluster.test_faults import PARTITIONS, TOPIC, create, leader_of, wait_until_whole
from tests.peers.cluster import COMBINED
from tests.peers.console import Browser, ConsoleProcess
from tests.peers.ottla_cluster import OttlaCluster
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = 60


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_console_outlives_a_node(tmp_path: Path) -> None:
    with OttlaCluster(tmp_path / "cluster", (COMBINED,) * 3, settings=SETTINGS) as cluster:
        create(cluster, TOPIC)
        wait_until_whole(cluster, TOPIC)
        producer = Producer({"bootstrap.servers": cluster.bootstrap})
        for number in range(RECORDS):
            producer.produce(TOPIC, b"%d" % number, partition=number % PARTITIONS, timestamp=1_795_939_200_000 + number)
        assert producer.flush(60) == 0
        (tmp_path / "console").mkdir()
        with ConsoleProcess(tmp_path / "console", "--bootstrap", cluster.bootstrap) as console:
            browser = Browser(console.address)

            def values() -> list[int]:
                page = browser.get(f"topics/{TOPIC}/messages", {"order": "oldest", "limit": 500})
                assert page["ended"] == "end"
                return [int(each["value"]["data"]) for each in page["messages"]]

            assert values() == list(range(RECORDS))
            whole = browser.get("overview")
            assert (len(whole["brokers"]), whole["under_replicated_count"], whole["problems"]) == (3, 0, [])
            assert len(whole["quorum"]["replicas"]) == 3
            with browser.events(f"topics/{TOPIC}/tail") as events:
                next(events)
                gone = leader_of(cluster, TOPIC)
                cluster.nodes[gone].kill()
                producer.produce(TOPIC, b"60", partition=0, timestamp=1_795_939_200_000 + RECORDS)
                assert producer.flush(60) == 0
                shown = next(data for name, data, _ in events if name == "messages")
                assert [each["value"]["data"] for each in shown] == ["60"]
            wait_for(lambda: _is_fenced(browser, gone), "the console to tell who is gone", 60)
            told = browser.get("overview")
            assert told["under_replicated_count"] > 0
            assert any(f"broker {gone} is fenced" in each["text"] for each in told["problems"])
            assert values() == list(range(RECORDS + 1))
            assert browser.post(f"topics/{TOPIC}/messages", {"value": {"format": "text", "data": "61"}})["offset"] >= 0


def _is_fenced(browser: Browser, node_id: int) -> bool:
    return any(each["broker_id"] == node_id and each["fenced"] for each in browser.get("overview")["brokers"])
