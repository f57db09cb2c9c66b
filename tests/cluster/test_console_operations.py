"""What the console changes of a cluster of three: who leads, where replicas are, who votes, who is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from tests.cluster.conftest import SETTINGS
from tests.peers.cluster import COMBINED
from tests.peers.console import Browser, ConsoleProcess, Refused
from tests.peers.ottla_cluster import OttlaCluster
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPIC: Final = "moved"
ALONE: Final = "alone"
REPLICAS: Final = {TOPIC: [[1, 2], [3, 1], [2, 3], [3, 2]], ALONE: [[3]]}
"""Of each partition; that of `alone` has no other that could lead."""
THROTTLE: Final = 10_000_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaCluster]:
    with OttlaCluster(tmp_path_factory.mktemp("cluster"), (COMBINED,) * 3, settings=SETTINGS) as started:
        admin = AdminClient({"bootstrap.servers": started.bootstrap})
        topics = [NewTopic(name, len(each), replica_assignment=each) for name, each in REPLICAS.items()]
        for made in admin.create_topics(topics).values():
            made.result(60)
        yield started


@pytest.fixture(scope="module")
def browser(cluster: OttlaCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with ConsoleProcess(tmp_path_factory.mktemp("console"), "--bootstrap", cluster.bootstrap) as console:
        yield Browser(console.address)
        assert console.errors == []


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_cluster_is_operated(cluster: OttlaCluster, browser: Browser) -> None:
    """In the order in which it happens when a broker is away for a while, and then is taken out for good."""
    assert refused(lambda: browser.delete("brokers/3")) == (409, "CONFLICT")
    wait_for(lambda: all(each["can_lead"] for each in elections(browser).values()), "all to be in sync", 60)
    browser.post("elections", {})  # a node that began later leads nothing yet
    wait_for(lambda: elections(browser) == {}, "all to be as it should", 60)
    cluster.nodes[3].kill()
    wait_for(lambda: fenced(browser) == [3], "the cluster to know that broker 3 is gone", 60)
    wait_for(lambda: set(elections(browser)) == {(ALONE, 0), (TOPIC, 1), (TOPIC, 3)}, "others to lead what it led", 60)
    assert not any(each["can_lead"] for each in elections(browser).values())
    assert elections(browser)[ALONE, 0]["leader"] is None
    unclean = browser.post("elections", {"type": "unclean", "partitions": [{"topic": ALONE, "partition": 0}]})
    assert [each["error"] for each in unclean["elections"]] == ["ELIGIBLE_LEADERS_NOT_AVAILABLE"]
    assert refused(lambda: browser.post("elections", {"type": "unclean"})) == (400, "BAD_REQUEST")
    assert refused(lambda: browser.delete("brokers/3")) == (409, "CONFLICT")
    what_cannot_be_copied_is_cancelled(browser)

    cluster.nodes[3].start()
    wait_for(lambda: [each["can_lead"] for each in elections(browser).values()] == [True] * 2, "it to be in sync", 60)
    elected = browser.post("elections", {})["elections"]
    assert [(each["partition"], each["elected"], each["leader"]) for each in elected] == [(1, True, 3), (3, True, 3)]
    wait_for(lambda: elections(browser) == {}, "brokers to hear of the new leaders", 60)

    replicas_leave_a_broker(browser)
    assert refused(lambda: browser.delete("quorum/voters/9")) == (404, "NOT_FOUND")
    browser.delete("quorum/voters/3")
    wait_for(lambda: [each["node_id"] for each in voters(browser)] == [1, 2], "node 3 to vote no more", 60)
    cluster.nodes[3].kill()
    wait_for(lambda: fenced(browser) == [3], "the cluster to know that broker 3 is gone", 60)
    browser.delete("brokers/3")
    wait_for(lambda: [each["broker_id"] for each in brokers(browser)] == [1, 2], "broker 3 to be forgotten", 60)
    told = [(each["action"], each["resource"], each["outcome"]) for each in browser.get("/api/audit")["entries"]]
    assert told[:2] == [("cluster.alter", "broker 3", "done"), ("cluster.alter", "node 3", "done")]


def what_cannot_be_copied_is_cancelled(browser: Browser) -> None:
    """A replica on a broker that is away stays on its way."""
    plan = [{"topic": TOPIC, "partition": 0, "replicas": [1, 3]}]
    assert browser.post("reassignments", {"partitions": plan}) == {"started": 1, "refused": []}
    (moving,) = browser.get("reassignments")["reassignments"]
    assert (moving["partition"], moving["adding"], moving["removing"]) == (0, [3], [2])
    assert refused(lambda: browser.post("reassignments", {"partitions": plan})) == (409, "CONFLICT")
    assert browser.post("reassignments/cancel", {}) == {"cancelled": 1, "refused": []}
    assert browser.get("reassignments") == {"reassignments": [], "throttles": {}}
    wait_for(lambda: replicas(browser)[0] == [1, 2], "it to be where it was", 60)


def replicas_leave_a_broker(browser: Browser) -> None:
    plan = browser.post("reassignments/plan", {"topics": [TOPIC, ALONE], "brokers": [1, 2]})
    assert {(each["topic"], each["partition"]) for each in plan["changes"]} == {
        (ALONE, 0),
        *((TOPIC, n) for n in (1, 2, 3)),
    }
    assert (plan["partitions"], plan["copied_replicas"]) == (5, 4)
    too_many = {"topics": [TOPIC], "brokers": [1], "replication_factor": 2}
    assert refused(lambda: browser.post("reassignments/plan", too_many)) == (422, "INVALID")
    assert refused(lambda: browser.post("reassignments/plan", {"brokers": [9]})) == (404, "BROKER_ID_NOT_REGISTERED")
    wanted = [
        {"topic": each["topic"], "partition": each["partition"], "replicas": each["proposed"]}
        for each in plan["changes"]
    ]
    asked = {"partitions": wanted, "throttle_bytes_per_s": THROTTLE}
    assert browser.post("reassignments", asked) == {"started": 4, "refused": []}
    wait_for(lambda: browser.get("reassignments")["reassignments"] == [], "all to be moved", 60)
    assert browser.get("reassignments")["throttles"] == dict.fromkeys(("1", "2", "3"), THROTTLE)
    removed = browser.delete("reassignments/throttles")["removed"]
    assert removed == ["broker 1", "broker 2", "broker 3", f"topic {ALONE}", f"topic {TOPIC}"]
    assert browser.get("reassignments")["throttles"] == {}
    wait_for(lambda: all(3 not in each for each in replicas(browser).values()), "brokers to hear of it", 60)


def elections(browser: Browser) -> dict[tuple[str, int], dict[str, Any]]:
    return {(each["topic"], each["partition"]): each for each in browser.get("elections")["partitions"]}


def brokers(browser: Browser) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = browser.get("brokers")["brokers"]
    return found


def fenced(browser: Browser) -> list[int]:
    return [each["broker_id"] for each in brokers(browser) if each["fenced"]]


def voters(browser: Browser) -> list[dict[str, Any]]:
    found = [each for each in browser.get("quorum")["replicas"] if each["role"] != "observer"]
    return sorted(found, key=lambda each: int(each["node_id"]))


def replicas(browser: Browser) -> dict[int, list[int]]:
    return {each["partition"]: each["replicas"] for each in browser.get(f"topics/{TOPIC}")["partition_list"]}


def refused(ask: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as told:
        ask()
    return told.value.status, told.value.code
