"""Large pages of messages: no more is read for one than it shows, and what it shows is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.console import Browser, ConsoleProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.peers.process import NodeProcess

FIRST_MS = 1_795_939_200_000


@pytest.fixture(scope="module")
def browser(cluster: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with ConsoleProcess(tmp_path_factory.mktemp("console-pages"), "--bootstrap", cluster.address) as console:
        yield Browser(console.address)
        assert console.errors == []


def fill(cluster: NodeProcess, name: str, values: Sequence[bytes], partitions: int = 1) -> None:
    """Value *n* at millisecond *n*, in partition *n* modulo so many."""
    admin = AdminClient({"bootstrap.servers": cluster.address})
    admin.create_topics([NewTopic(name, partitions, 1, config={"retention.ms": "-1"})])[name].result(60)
    # Idempotent: else what a topic so new refuses at first comes behind what was sent after it.
    producer = Producer({"bootstrap.servers": cluster.address, "linger.ms": 20, "enable.idempotence": True})
    for number, value in enumerate(values):
        producer.produce(name, value, partition=number % partitions, timestamp=FIRST_MS + number)
        producer.poll(0)
    assert producer.flush(60) == 0


def pages(browser: Browser, topic: str, **query: Any) -> list[dict[str, Any]]:
    found = [browser.get(f"topics/{topic}/messages", query)]
    while found[-1]["next"] is not None:
        found.append(browser.get(f"topics/{topic}/messages", {**query, "cursor": found[-1]["next"]}))
    return found


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_a_page_reads_what_it_shows(cluster: NodeProcess, browser: Browser, order: str) -> None:
    topic, count = f"console-many-{order}", 12_000
    fill(cluster, topic, [b"%d" % number for number in range(count)])
    found = pages(browser, topic, order=order, limit=5_000)
    assert [page["scanned"]["records"] for page in found] == [5_000, 5_000, 2_000]
    shown = [int(each["value"]["data"]) for page in found for each in page["messages"]]
    assert shown == list(range(count) if order == "oldest" else reversed(range(count)))


def test_pages_over_partitions_lose_nothing(cluster: NodeProcess, browser: Browser) -> None:
    topic, count = "console-many-partitions", 9_000
    fill(cluster, topic, [b"%d" % number for number in range(count)], partitions=4)
    found = pages(browser, topic, order="oldest", limit=4_000)
    assert [int(each["value"]["data"]) for page in found for each in page["messages"]] == list(range(count))
    assert sum(page["scanned"]["records"] for page in found) < count + 4_000


def test_a_page_of_large_messages_ends_sooner(cluster: NodeProcess, browser: Browser) -> None:
    topic, count, size_bytes = "console-large-pages", 400, 40_000
    fill(cluster, topic, [b"%06d" % number + b"x" * size_bytes for number in range(count)])
    found = pages(browser, topic, order="oldest", limit=5_000)
    assert [int(each["value"]["data"][:6]) for page in found for each in page["messages"]] == list(range(count))
    assert len(found) > 1
    assert {page["ended"] for page in found[:-1]} == {"bytes"}
    assert all(each["value"]["cut"] for page in found for each in page["messages"])
