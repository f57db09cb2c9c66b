"""The console's API against a node: topics, messages by offset and by time, groups, users, quotas, transactions."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.console import Browser, ConsoleProcess, Refused
from tests.peers.process import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

FIRST_MS = 1_795_939_200_000  # 2026-11-29T08:00Z, and a second later each
ORDERS = "console-orders"
COUNT = 40
PARTITIONS = 3


@pytest.fixture(scope="module")
def console(cluster: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    directory = tmp_path_factory.mktemp("console")
    config = directory / "console.toml"
    config.write_text(f'sample_interval_s = 1\n[[cluster]]\nname = "local"\nbootstrap = "{cluster.address}"\n')
    with ConsoleProcess(directory, "--config", str(config)) as running:
        yield running
        assert running.errors == []


@pytest.fixture
def browser(console: ConsoleProcess) -> Browser:
    return Browser(console.address)


@pytest.fixture(scope="module")
def orders(cluster: NodeProcess) -> str:
    """Record *n* at second *n*, in partition *n* modulo 3; at the end a tombstone, and two records that say nothing."""
    create(cluster, ORDERS, PARTITIONS)
    producer = Producer({"bootstrap.servers": cluster.address})
    for number in range(COUNT):
        value = {"id": number, "amount": number * 10, "who": {"name": f"n{number}"}, "tags": ["a", str(number)]}
        headers: list[tuple[str, str | bytes | None]] = [("trace", f"t{number}".encode()), ("empty", None)]
        producer.produce(
            ORDERS,
            json.dumps(value).encode(),
            b"k%d" % (number % 4),
            number % PARTITIONS,
            timestamp=FIRST_MS + 1000 * number,
            headers=headers,
        )
    assert producer.flush(60) == 0
    return ORDERS


def create(cluster: NodeProcess, name: str, partitions: int = 1, **config: str) -> None:
    admin = AdminClient({"bootstrap.servers": cluster.address})
    admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(60)


def ids(page: dict[str, Any]) -> list[int]:
    return [each["value"]["data"]["id"] for each in page["messages"]]


def pages(browser: Browser, topic: str, **query: Any) -> list[dict[str, Any]]:
    """All of them, to the end."""
    found = [browser.get(f"topics/{topic}/messages", query)]
    while found[-1]["next"] is not None:
        found.append(browser.get(f"topics/{topic}/messages", {**query, "cursor": found[-1]["next"]}))
        assert len(found) < 200
    return found


# The cluster


def test_a_cluster_at_a_glance(browser: Browser, orders: str) -> None:
    session = browser.get("/api/session")
    assert session["signed_in"]
    assert session["roles"] == ["admin"]
    assert [each["name"] for each in session["clusters"]] == ["local"]
    found = browser.get("overview")
    assert found["cluster_id"]
    assert found["metadata_version"].startswith("4.")
    (broker,) = found["brokers"]
    assert broker["leads"] >= PARTITIONS
    assert found["quorum"]["leader_id"] == found["quorum"]["replicas"][0]["node_id"]
    assert found["under_replicated_count"] == found["offline_count"] == 0
    assert browser.get("brokers")["brokers"][0]["broker_id"] == broker["broker_id"]
    assert {each["name"] for each in browser.get("features")["features"]} >= {"metadata.version"}
    configs = {each["name"]: each for each in browser.get(f"brokers/{broker['broker_id']}/configs")["configs"]}
    assert configs["log.retention.ms"]["value"] == "-1"
    replicas = browser.get("log-directories", {"topic": orders})["replicas"]
    assert sorted(each["partition"] for each in replicas) == list(range(PARTITIONS))


def test_a_topic_is_made_changed_and_deleted(browser: Browser) -> None:
    name = "console-made"
    asked = {"name": name, "partitions": 2, "configs": {"retention.ms": 3600000}, "validate_only": True}
    assert browser.post("topics", asked)["partitions"] == 2
    assert name not in {each["name"] for each in browser.get("topics")["topics"]}
    made = browser.post("topics", {**asked, "validate_only": False})
    (listed,) = (each for each in browser.get("topics")["topics"] if each["name"] == name)
    assert listed["topic_id"] == made["topic_id"]
    assert (listed["partitions"], listed["records"], listed["retention_ms"]) == (2, 0, 3600000)
    changed = browser.patch(
        f"topics/{name}/configs", {"set": {"cleanup.policy": "compact"}, "delete": ["retention.ms"]}
    )
    configs = {each["name"]: each for each in changed["configs"]}
    assert configs["cleanup.policy"] == {
        "name": "cleanup.policy",
        "value": "compact",
        "source": "dynamic topic",
        "is_default": False,
        "read_only": False,
        "sensitive": False,
        "default": "delete",
        "documentation": configs["cleanup.policy"]["documentation"],
        "type": "list",
    }
    assert browser.post(f"topics/{name}/partitions", {"count": 3}) == {"partitions": 3}
    described = browser.get(f"topics/{name}")
    assert [each["partition"] for each in described["partition_list"]] == [0, 1, 2]
    assert described["configs"] == {"cleanup.policy": "compact"}
    assert browser.get(f"topics/{name}")["cleanup_policy"] == "compact"
    browser.delete(f"topics/{name}")
    wait_for(lambda: name not in {each["name"] for each in browser.get("topics")["topics"]}, "the deletion")


def test_what_is_wrong_is_said_with_a_hint(browser: Browser, orders: str) -> None:
    for ask, status, code, hint in (
        (lambda: browser.get("topics/console-order"), 404, "UNKNOWN_TOPIC_OR_PARTITION", f"'{orders}'"),
        (lambda: browser.post("topics", {"name": orders}), 409, "TOPIC_ALREADY_EXISTS", ""),
        (lambda: browser.post("topics", {"name": "x", "partition": 3}), 400, "BAD_REQUEST", "'partitions'"),
        (lambda: browser.post("topics", {"name": "x", "configs": {"retention.ms": "soon"}}), 422, "INVALID_CONFIG", ""),
        (lambda: browser.get("topics", {"intern": "true"}), 400, "BAD_REQUEST", "'internal'"),
        (lambda: browser.get(f"topics/{orders}/messages", {"limit": 9999}), 400, "BAD_REQUEST", ""),
        (lambda: browser.get(f"topics/{orders}/messages", {"where": "value.a >"}), 400, "BAD_REQUEST", "for example"),
        (lambda: browser.get(f"topics/{orders}/messages", {"cursor": "!"}), 400, "BAD_REQUEST", ""),
        (lambda: browser.get(f"topics/{orders}/messages/0/100000"), 404, "NOT_FOUND", "deleted"),
        (lambda: browser.get("groups/nobody"), 404, "GROUP_ID_NOT_FOUND", ""),
        (lambda: browser.get("registry"), 404, "NOT_CONFIGURED", "registry"),
        (lambda: browser.get("connect"), 404, "NOT_CONFIGURED", "connect"),
        (lambda: browser.get("/api/clusters/other/topics"), 404, "NOT_FOUND", "/api/clusters"),
        (lambda: browser.get("nothing"), 404, "NOT_FOUND", ""),
        (lambda: browser.put("topics", {}), 405, "BAD_REQUEST", ""),
    ):
        with pytest.raises(Refused) as refused:
            ask()  # type: ignore[no-untyped-call]
        assert (refused.value.status, refused.value.code) == (status, code), refused.value
        assert hint in (refused.value.error["hint"] or ""), refused.value


# Messages


def test_the_newest_come_first_and_every_page_goes_on(browser: Browser, orders: str) -> None:
    found = pages(browser, orders, limit=7)
    assert [each for page in found for each in ids(page)] == list(range(COUNT - 1, -1, -1))
    assert [page["ended"] for page in found] == ["limit"] * (len(found) - 1) + ["end"]
    assert found[0]["partitions"]["0"] == {"first_offset": 0, "next_offset": 14}


def test_the_oldest_come_first_when_asked_for(browser: Browser, orders: str) -> None:
    assert [each for page in pages(browser, orders, order="oldest", limit=9) for each in ids(page)] == list(
        range(COUNT)
    )
    assert ids(browser.get(f"topics/{orders}/messages", {"order": "oldest", "partitions": "1", "limit": 3})) == [
        1,
        4,
        7,
    ]


def test_a_time_is_the_first_that_is_not_older(browser: Browser, orders: str) -> None:
    """Also in partitions whose next record is later, and in those that have none."""
    at = FIRST_MS + 20_500  # between record 20 and 21
    after = browser.get(f"topics/{orders}/messages", {"from": f"@{at}", "order": "oldest", "limit": 500})
    assert ids(after) == list(range(21, COUNT))
    before = browser.get(f"topics/{orders}/messages", {"to": f"@{at}", "limit": 500})
    assert ids(before) == list(range(20, -1, -1))
    exact = browser.get(
        f"topics/{orders}/messages",
        {"from": "2026-11-29T08:00:05Z", "to": "2026-11-29T08:00:09Z", "order": "oldest"},
    )
    assert ids(exact) == [5, 6, 7, 8]
    late = browser.get(f"topics/{orders}/messages", {"from": f"@{FIRST_MS + 3_600_000}", "order": "oldest"})
    assert (late["messages"], late["next"], late["ended"]) == ([], None, "end")
    last = browser.get(f"topics/{orders}/messages", {"from": f"@{FIRST_MS + 1000 * (COUNT - 1)}", "order": "oldest"})
    assert ids(last) == [COUNT - 1]
    offset = browser.get(f"topics/{orders}/messages", {"from": "12", "order": "oldest"})
    assert ids(offset) == [36, 37, 38, 39]


def test_filters_look_into_what_is_shown(browser: Browser, orders: str) -> None:
    def asked(**query: Any) -> list[int]:
        return [each for page in pages(browser, orders, order="oldest", limit=5, **query) for each in ids(page)]

    assert asked(where='value.amount >= 350 and value.who.name != "n36"') == [35, 37, 38, 39]
    assert asked(where='key == "k1" and partition in [0, 2] && offset < 5') == [5, 9]
    assert asked(where='header("trace") like "t_"') == list(range(10))
    assert asked(where="exists(value.missing)") == []
    assert asked(where='value.tags[1] == "7" or value.tags contains "9"') == [7, 9]
    assert asked(key="K3", value='"id":1') == [11, 15, 19]
    assert asked(value='"name": "N7"}, "tags"') == [7]
    assert asked(header="T17") == [17]
    assert browser.get("expression", {"where": "value.a == 1"}) == {"ok": True}


def test_a_message_shows_everything_of_it(browser: Browser, cluster: NodeProcess) -> None:
    topic = "console-shapes"
    create(cluster, topic)
    producer = Producer({"bootstrap.servers": cluster.address})
    values = [
        b"plain",
        b'{"big": 9007199254740993, "list": [1.5, null]}',
        b"\x00\x01\xff",
        None,
        b"x" * 20_000,
        b"\x01\x02",
    ]
    for number, value in enumerate(values):
        producer.produce(topic, value, None if number == 4 else b"k", timestamp=FIRST_MS, headers=[("h", b"\xff")])
    assert producer.flush(60) == 0
    page = browser.get(f"topics/{topic}/messages", {"order": "oldest"})
    plain, big, raw, gone, long, controls = page["messages"]
    assert (plain["value"]["format"], plain["value"]["data"], plain["key"]["data"]) == ("text", "plain", "k")
    assert plain["headers"] == [{"name": "h", "value": {**plain["headers"][0]["value"], "format": "hex", "data": "ff"}}]
    assert big["value"]["data"] == {"big": "9007199254740993", "list": [1.5, None]}
    assert (raw["value"]["format"], raw["value"]["data"]) == ("hex", "0001ff")
    assert gone["tombstone"]
    assert gone["value"]["format"] == "null"
    assert (long["value"]["cut"], len(long["value"]["data"]), long["key"]["format"]) == (True, 4096, "null")
    assert controls["value"]["format"] == "hex"
    whole = browser.get(f"topics/{topic}/messages/0/4")
    assert (whole["value"]["data"], whole["timestamp_type"]) == ("x" * 20_000, "create")
    assert browser.get(f"topics/{topic}/messages/0/2")["raw"] == {"key": "aw==", "value": "AAH/"}
    assert [each["offset"] for each in browser.get(f"topics/{topic}/messages", {"tombstones": "only"})["messages"]] == [
        3
    ]
    forced = browser.get(f"topics/{topic}/messages", {"order": "oldest", "value_format": "json", "limit": 1})
    assert forced["messages"][0]["value"]["error"].startswith("it is not json")
    assert (
        browser.get(f"topics/{topic}/messages", {"key_format": "base64", "limit": 1})["messages"][0]["key"]["data"]
        == "aw=="
    )


def test_messages_are_written_and_written_again(browser: Browser, cluster: NodeProcess) -> None:
    topic = "console-written"
    create(cluster, topic, 3)
    asked = {
        "partition": 1,
        "timestamp_ms": FIRST_MS,
        "key": {"format": "hex", "data": "00ff"},
        "value": {"format": "json", "data": {"a": [1, "ü"]}},
        "headers": [{"name": "h", "value": {"format": "text", "data": "v"}}, {"name": "n", "value": None}],
    }
    first = browser.post(f"topics/{topic}/messages", asked)
    assert first == {"partition": 1, "offset": 0, "timestamp_ms": FIRST_MS}
    again = browser.post(f"topics/{topic}/messages", {"copy_of": {"partition": 1, "offset": 0}, "partition": 2})
    assert again["partition"] == 2
    copies = [browser.get(f"topics/{topic}/messages/{where}/0") for where in (1, 2)]
    assert copies[0]["raw"] == copies[1]["raw"] == {"key": "AP8=", "value": "eyJhIjpbMSwiw7wiXX0="}
    assert copies[0]["headers"] == copies[1]["headers"]
    assert copies[1]["timestamp_ms"] > FIRST_MS
    browser.post(f"topics/{topic}/messages", {"key": {"format": "text", "data": "gone"}, "value": None})
    assert browser.get(f"topics/{topic}/messages", {"limit": 1})["messages"][0]["tombstone"]
    for wrong in (
        {"value": {"format": "hex", "data": "0"}},
        {"value": {"format": "yaml", "data": ""}},
        {"partition": 9},
    ):
        with pytest.raises(Refused) as refused:
            browser.post(f"topics/{topic}/messages", wrong)
        assert refused.value.status in (400, 404)


def test_aborted_records_are_left_out_of_what_is_committed(browser: Browser, cluster: NodeProcess) -> None:
    topic = "console-transactions"
    create(cluster, topic)
    producer = Producer({"bootstrap.servers": cluster.address, "transactional.id": "console-t"})
    producer.init_transactions(60)
    for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        producer.produce(topic, end.__name__.encode())
        assert producer.flush(60) == 0
        end(60)
    shown = [
        [each["value"]["data"] for each in browser.get(f"topics/{topic}/messages", {"isolation": which})["messages"]]
        for which in ("uncommitted", "committed")
    ]
    assert [len(each) for each in shown] == [3, 2]
    assert set(shown[1]) == {"commit_transaction"}
    assert browser.get(f"topics/{topic}/messages/0/0")["offset"] == 0
    with pytest.raises(Refused) as marker:
        browser.get(f"topics/{topic}/messages/0/1")
    assert "next there is 2" in marker.value.error["hint"]
    (listed,) = (
        each for each in browser.get("transactions")["transactions"] if each["transactional_id"] == "console-t"
    )
    assert listed["state"] in ("CompleteCommit", "PrepareCommit", "Empty")
    assert browser.get("transactions/console-t")["producer_id"] == listed["producer_id"]
    assert browser.get("transactions-hanging", {"topic": topic}) == {"hanging": []}
    (remembered,) = browser.get(f"topics/{topic}/producers")["producers"]
    assert remembered["producer_id"] == listed["producer_id"]
    browser.post("transactions/console-t/abort")


def test_pages_go_on_over_holes_and_times_that_go_back(browser: Browser, cluster: NodeProcess) -> None:
    """Markers of transactions and aborted records are holes; each message is on one page, in both orders."""
    topic = "console-holes"
    create(cluster, topic, 2)
    producer = Producer({"bootstrap.servers": cluster.address, "transactional.id": "console-holes"})
    producer.init_transactions(60)
    committed: list[set[str]] = [set(), set()]
    for number in range(8):
        producer.begin_transaction()
        for partition in (0, 1):
            for part in range(number % 3):
                name = f"{number}-{partition}-{part}"
                producer.produce(topic, name, partition=partition, timestamp=FIRST_MS - 1000 * number)
                committed[1].add(name)
                if number % 2:
                    committed[0].add(name)
        assert producer.flush(60) == 0
        (producer.commit_transaction if number % 2 else producer.abort_transaction)(60)
    for isolation, wanted in (("committed", committed[0]), ("uncommitted", committed[1])):
        for order in ("newest", "oldest"):
            for limit in (1, 3):
                found = pages(browser, topic, order=order, isolation=isolation, limit=limit)
                shown = [message for page in found for message in page["messages"]]
                assert sorted(each["value"]["data"] for each in shown) == sorted(wanted)
                for partition in (0, 1):
                    offsets = [each["offset"] for each in shown if each["partition"] == partition]
                    assert offsets == sorted(offsets, reverse=order == "newest")


@pytest.mark.long
def test_large_messages_make_small_chunks(browser: Browser, cluster: NodeProcess) -> None:
    """More than a chunk may hold: what is left out of one comes with the next."""
    topic, size, count = "console-large", 900_000, 24
    create(cluster, topic)
    producer = Producer({"bootstrap.servers": cluster.address})
    for number in range(count):
        producer.produce(topic, b"%06d" % number + b"x" * size)
    assert producer.flush(60) == 0
    for order in ("newest", "oldest"):
        found = pages(browser, topic, order=order, limit=10)
        numbers = [int(each["value"]["data"][:6]) for page in found for each in page["messages"]]
        assert numbers == (list(range(count)) if order == "oldest" else list(range(count - 1, -1, -1)))
        assert all(each["value"]["cut"] for page in found for each in page["messages"])


def test_records_are_deleted(browser: Browser, cluster: NodeProcess) -> None:
    topic = "console-deleted"
    create(cluster, topic)
    producer = Producer({"bootstrap.servers": cluster.address})
    for number in range(5):
        producer.produce(topic, b"%d" % number)
    assert producer.flush(60) == 0
    assert browser.post(f"topics/{topic}/delete-records", {"offsets": {"0": 2}}) == {"low_watermarks": {"0": 2}}
    assert [each["value"]["data"] for each in browser.get(f"topics/{topic}/messages")["messages"]] == ["4", "3", "2"]
    assert browser.post(f"topics/{topic}/delete-records", {"before": "end"}) == {"low_watermarks": {"0": 5}}
    assert browser.get(f"topics/{topic}")["records"] == 0


def test_a_tail_shows_what_comes_and_goes_on_where_it_was(browser: Browser, cluster: NodeProcess) -> None:
    topic = "console-tail"
    create(cluster, topic, 2)
    producer = Producer({"bootstrap.servers": cluster.address})

    def write(*values: bytes) -> None:
        for value in values:
            producer.produce(topic, value, b"k", 1)
        assert producer.flush(60) == 0

    write(b"before")
    with browser.events(f"topics/{topic}/tail?where=value+!%3D+%22no%22") as events:
        name, status, _ = next(events)
        assert (name, status["positions"]) == ("status", {"0": 0, "1": 1})
        write(b"no", b"first")
        shown, last_id = _next_messages(events)
        assert [each["value"]["data"] for each in shown] == ["first"]
    write(b"second")
    with browser.events(f"topics/{topic}/tail", {"Last-Event-ID": last_id}) as events:
        shown, _ = _next_messages(events)
        assert [each["value"]["data"] for each in shown] == ["second"]


@pytest.mark.long
def test_a_tail_ends_with_its_topic(browser: Browser, cluster: NodeProcess) -> None:
    topic = "console-tail-deleted"
    create(cluster, topic)
    with browser.events(f"topics/{topic}/tail") as events:
        browser.delete(f"topics/{topic}")
        failure = next(data for name, data, _ in events if name == "failure")
    assert failure["code"] == "UNKNOWN_TOPIC_OR_PARTITION"


def test_tails_are_bounded(browser: Browser, orders: str) -> None:
    with ExitStack() as tails:
        for _ in range(4):
            wait_for(lambda: _follows(browser, orders, tails), "the tails of other tests to be gone")
        with pytest.raises(Refused) as refused, browser.events(f"topics/{orders}/tail"):
            pass
        assert (refused.value.status, refused.value.code) == (429, "TOO_MANY")
    with ExitStack() as tails:
        wait_for(lambda: _follows(browser, orders, tails), "the tails that were closed to be gone")


def _follows(browser: Browser, topic: str, tails: ExitStack) -> bool:
    try:
        tails.enter_context(browser.events(f"topics/{topic}/tail"))
    except Refused:
        return False
    return True


def _next_messages(events: Iterator[tuple[str, Any, str]]) -> tuple[list[dict[str, Any]], str]:
    for name, data, event_id in events:
        if name == "messages":
            return data, event_id
    raise AssertionError("the stream ended")


@pytest.mark.long
def test_who_goes_away_stops_a_query(browser: Browser, orders: str) -> None:
    """As many as may run at the same time; were they still running, the next would be refused."""
    endless = {"query": "select sum(a.range * b.range) from range(10000000) a, range(1000000) b"}
    browser.csrf = browser.get("/api/session")["csrf"]
    for _ in range(8):
        with pytest.raises(TimeoutError):
            browser.send("POST", "/api/clusters/local/sql", endless, timeout_s=0.3)

    def again() -> bool:
        try:
            return bool(browser.post("sql", {"query": "select 1"})["rows"])
        except Refused as refused:
            assert refused.code == "TOO_MANY"
            return False

    wait_for(again, "the queries to be stopped")


def test_a_cluster_that_is_down_is_said_to_be(tmp_path: Path) -> None:
    options = ("--bootstrap", f"127.0.0.1:{free_port()}")
    with ConsoleProcess(tmp_path, *options) as console:
        browser = Browser(console.address)
        assert browser.get("/api/session")["signed_in"]
        for path in ("overview", "topics", "topics/x/messages", "groups"):
            with pytest.raises(Refused) as refused:
                browser.get(path)
            assert (refused.value.status, refused.value.code) == (502, "UNREACHABLE")
            assert "no broker could be reached" in refused.value.error["message"]


# Groups, users, quotas


def test_a_group_is_told_reset_and_deleted(browser: Browser, cluster: NodeProcess, orders: str) -> None:
    group = "console-billing"
    consumer = Consumer({"bootstrap.servers": cluster.address, "group.id": group, "enable.auto.commit": False})
    offsets = [TopicPartition(orders, 0, 4), TopicPartition(orders, 1, 13)]
    consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()
    described = browser.get(f"groups/{group}")
    assert described["type"] == "classic"
    told = [(each["partition"], each["committed"], each["end"], each["lag"]) for each in described["offsets"]]
    assert told == [(0, 4, 14, 10), (1, 13, 13, 0)]
    assert described["lag"] == 10
    wait_for(
        lambda: any(each["group_id"] == group and each["lag"] == 10 for each in browser.get("groups")["groups"]),
        "the sample",
    )
    (reader,) = (each for each in browser.get(f"topics/{orders}/groups")["groups"] if each["group_id"] == group)
    assert reader["lag"] == 10
    asked = {"topics": [orders], "to": f"@{FIRST_MS + 20_500}"}
    preview = browser.post(f"groups/{group}/reset", {**asked, "execute": False})
    assert [(each["partition"], each["before"], each["after"]) for each in preview["changes"]] == [
        (0, 4, 7),
        (1, 13, 7),
        (2, None, 7),
    ]
    assert browser.get(f"groups/{group}")["lag"] == 10
    assert browser.post(f"groups/{group}/reset", {**asked, "execute": True})["executed"]
    assert browser.get(f"groups/{group}")["lag"] == 7 + 6 + 6
    moved = browser.post(f"groups/{group}/reset", {"offsets": {orders: {"2": 13}}, "execute": True})
    assert moved["changes"] == [{"topic": orders, "partition": 2, "before": 7, "after": 13, "change": 6}]
    series = browser.get(f"groups/{group}/lag")
    assert len(series["times_ms"]) == len(series["total"]) == len(series["topics"][orders])
    assert series["total"][-1] is not None
    browser.delete(f"groups/{group}/offsets", {"topic": orders})
    if group in {each["group_id"] for each in browser.get("groups")["groups"]}:
        browser.delete(f"groups/{group}")
    wait_for(lambda: group not in {each["group_id"] for each in browser.get("groups")["groups"]}, "the deletion")


def test_a_group_with_members_is_not_moved(browser: Browser, cluster: NodeProcess, orders: str) -> None:
    group = "console-active"
    consumer = Consumer({"bootstrap.servers": cluster.address, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([orders])
    try:
        wait_for(lambda: consumer.poll(0.1) is not None, "a record")
        described = browser.get(f"groups/{group}")
        (member,) = described["members"]
        assert member["assignment"] == [{"topic": orders, "partitions": [0, 1, 2]}]
        for ask in (
            lambda: browser.post(f"groups/{group}/reset", {"topics": [orders], "to": "end", "execute": True}),
            lambda: browser.delete(f"groups/{group}"),
        ):
            with pytest.raises(Refused) as refused:
                ask()  # type: ignore[no-untyped-call]
            assert (refused.value.status, refused.value.code) == (409, "NON_EMPTY_GROUP")
    finally:
        consumer.close()


def test_users_and_quotas(browser: Browser) -> None:
    browser.put("users/console-ada", {"password": "secret", "mechanism": "SCRAM-SHA-256"})
    wait_for(lambda: "console-ada" in {each["name"] for each in browser.get("users")["users"]}, "the user")
    (user,) = (each for each in browser.get("users")["users"] if each["name"] == "console-ada")
    assert user["credentials"] == [{"mechanism": "SCRAM-SHA-256", "iterations": 8192}]
    browser.delete("users/console-ada")
    wait_for(lambda: "console-ada" not in {each["name"] for each in browser.get("users")["users"]}, "the deletion")
    entity = {"user": "console-ada", "client-id": ""}
    browser.put("quotas", {"entity": entity, "values": {"producer_byte_rate": 1000}})

    def values() -> list[dict[str, float]]:
        return [each["values"] for each in browser.get("quotas")["quotas"] if each["entity"] == entity]

    wait_for(lambda: values() == [{"producer_byte_rate": 1000.0}], "the quota")
    browser.put("quotas", {"entity": entity, "values": {"producer_byte_rate": None}})
    wait_for(lambda: values() == [], "the removal")


def test_without_an_authorizer_there_are_no_acls(browser: Browser) -> None:
    found = browser.get("acls")
    assert (found["acls"], found["enabled"]) == ([], False)
    assert "READ" in found["operations"]
    with pytest.raises(Refused) as refused:
        browser.post(
            "acls",
            {"acls": [{"resource_type": "TOPIC", "resource_name": "*", "principal": "ada", "operation": "READ"}]},
        )
    assert "write User:ada" in refused.value.error["message"]


# What is sampled, and SQL


def test_rates_are_sampled(browser: Browser, cluster: NodeProcess) -> None:
    topic = "console-sampled"
    create(cluster, topic)
    producer = Producer({"bootstrap.servers": cluster.address})

    def sampled() -> bool:
        producer.produce(topic, b"x")
        producer.flush(60)
        found = browser.get("metrics", {"topic": topic})
        assert len(found["times_ms"]) == len(found["cluster"]["records_per_s"])
        return any((each or 0) > 0 for each in found["topics"][topic]["records_per_s"])

    wait_for(sampled, "a rate")
    found = browser.get("metrics", {"topic": topic})
    assert found["cluster"]["brokers"][-1] == 1
    assert topic in {each["name"] for each in browser.get("metrics/top", {"count": 100})["topics"]}


def test_sql_says_what_it_read(browser: Browser, orders: str) -> None:
    query = (
        f'select key, count(*) n, sum(amount) s from (select _key as key, amount from "{orders}") group by 1 order by 1'
    )
    found = browser.post("sql", {"query": query})
    assert [each["name"] for each in found["columns"]] == ["key", "n", "s"]
    assert found["rows"] == [[f"k{n}", 10, sum(range(n * 10, 400, 40))] for n in range(4)]
    (read,) = found["read"]
    assert read["ranges"] == {"0": [0, 14], "1": [0, 13], "2": [0, 13]}
    assert not found["is_cut"]
    cut = browser.post("sql", {"query": f'select id from "{orders}"', "max_rows": 5})
    assert (len(cut["rows"]), cut["is_cut"]) == (5, True)
    for query, text in (
        ("select 1 from nowhere", "there is no topic 'nowhere'"),
        ("drop table x", "one SELECT"),
        ("select * from read_csv('/etc/passwd')", "disabled"),
    ):
        with pytest.raises(Refused) as refused:
            browser.post("sql", {"query": query})
        assert text in refused.value.error["message"]
    answer = browser.send("POST", "/v1/sql", {"query": f'select id from "{orders}" order by 1 limit 2'})
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert lines[0]["columns"][0]["name"] == "id"
    assert lines[1:3] == [[0], [1]]
    assert lines[3]["records"] == COUNT
