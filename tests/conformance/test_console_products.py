"""The console beside a registry, a Connect worker, a Streams group and an authorizer: what each page asks of them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

import fastavro
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from tests.conformance.conftest import LOGIN
from tests.conformance.heartbeats import StreamsGroupMember
from tests.peers.connect import OttlaConnect
from tests.peers.console import Browser, ConsoleProcess, Refused
from tests.peers.process import free_port, wait_for
from tests.peers.registry import RegistryProcess

from ottla.console.web.access.passwords import hash_password

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

TOPIC: Final = "console-schemas"
SUBJECT: Final = f"{TOPIC}-value"
ORDER: Final = {
    "type": "record",
    "name": "Order",
    "fields": [{"name": "id", "type": "long"}, {"name": "note", "type": ["null", "string"], "default": None}],
}
CLASS: Final = "FileStreamSource"


CONFIG: Final = """
[[cluster]]
name = "local"
bootstrap = "{bootstrap}"
registry = "{registry}"
connect = {{ main = "http://{nobody},http://{connect}", away = "http://{nobody}" }}

[[user]]
name = "ada"
password = "{password}"

[[user]]
name = "bob"
password = "{password}"

[[role]]
name = "admin"
users = ["ada"]
permissions = [{{ resource = "*", actions = ["*"] }}]

[[role]]
name = "looks"
users = ["bob"]
permissions = [
  {{ resource = "subject", names = ["public-*"], actions = ["view"] }},
  {{ resource = "connector", names = ["public-*"], actions = ["view"] }},
]
"""


@pytest.fixture(scope="module")
def browser(cluster: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    directory = tmp_path_factory.mktemp("console-products")
    (directory / "console").mkdir()
    log = ("--topic", "console-schemas-log", "--group", "console-registry")
    registry = RegistryProcess(directory, cluster.address, *log)
    worker = OttlaConnect(directory / "connect", cluster.address)
    with registry, worker:
        file = directory / "console.toml"
        password = hash_password("secret")
        settings = {
            "registry": registry.url,
            "connect": worker.address,
            "nobody": f"127.0.0.1:{free_port()}",
            "password": password,
        }
        file.write_text(CONFIG.format(bootstrap=cluster.address, **settings))
        with ConsoleProcess(directory / "console", "--config", str(file)) as console:
            admin = Browser(console.address)
            admin.sign_in("ada", "secret")
            yield admin
            assert console.errors == []


def create(cluster: NodeProcess, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": cluster.address})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(60)


def test_schemas_are_registered_checked_and_deleted(browser: Browser) -> None:
    about = browser.get("registry")
    assert (about["level"], about["mode"]) == ("BACKWARD", "READWRITE")
    first = browser.post(f"registry/subjects/{SUBJECT}/versions", {"schema": json.dumps(ORDER)})
    assert (first["subject"], first["version"], first["schema_type"]) == (SUBJECT, 1, "AVRO")
    breaking = {**ORDER, "fields": [*ORDER["fields"], {"name": "must", "type": "int"}]}
    checked = browser.post(f"registry/subjects/{SUBJECT}/compatibility", {"schema": json.dumps(breaking)})
    assert not checked["compatible"]
    assert checked["messages"]
    with pytest.raises(Refused) as refused:
        browser.post(f"registry/subjects/{SUBJECT}/versions", {"schema": json.dumps(breaking)})
    assert (refused.value.status, refused.value.code) == (409, "CONFLICT")
    browser.put(f"registry/subjects/{SUBJECT}/level", {"level": "NONE"})
    second = browser.post(f"registry/subjects/{SUBJECT}/versions", {"schema": json.dumps(breaking)})
    subject = browser.get(f"registry/subjects/{SUBJECT}")
    assert ([each["version"] for each in subject["versions"]], subject["level"]) == ([1, 2], "NONE")
    browser.put(f"registry/subjects/{SUBJECT}/level", {"level": None})
    assert browser.get(f"registry/subjects/{SUBJECT}")["effective_level"] == "BACKWARD"
    assert browser.get(f"registry/schemas/{second['id']}")["used_by"] == [{"subject": SUBJECT, "version": 2}]
    assert browser.delete(f"registry/subjects/{SUBJECT}/versions/2") == {"versions": [2]}
    assert browser.get(f"registry/subjects/{SUBJECT}/versions/latest")["version"] == 1
    assert {"name": SUBJECT, "deleted": False} in browser.get("registry/subjects")["subjects"]
    for path in ("registry/subjects/console-schemas-valu", f"registry/subjects/{SUBJECT}/versions/7"):
        with pytest.raises(Refused) as missing:
            browser.get(path)
        assert missing.value.status == 404
    with pytest.raises(Refused) as wrong:
        browser.post(f"registry/subjects/{SUBJECT}/versions", {"schema": "{"})
    assert (wrong.value.status, wrong.value.code) == (422, "INVALID")


def test_who_looks_sees_no_more_than_that(browser: Browser) -> None:
    text = {"schema": '"string"'}
    hidden = browser.post("registry/subjects/hidden-value/versions", {"schema": json.dumps(ORDER)})["id"]
    shown = browser.post("registry/subjects/public-value/versions", text)["id"]
    bob = Browser(browser.address)
    bob.sign_in("bob", "secret")
    assert bob.get("registry/subjects")["subjects"] == [{"name": "public-value", "deleted": False}]
    assert bob.get(f"registry/schemas/{shown}")["used_by"] == [{"subject": "public-value", "version": 1}]
    config = {"connector.class": CLASS, "name": "public-file"}
    for ask, status in (
        (lambda: bob.get(f"registry/schemas/{hidden}"), 404),
        (lambda: bob.get("registry/subjects/hidden-value"), 403),
        (lambda: bob.post("registry/subjects/public-value/versions", text), 403),
        (lambda: bob.put(f"connect/plugins/{CLASS}/validate", {"config": config}), 403),
        (lambda: bob.post("connect/connectors", {"name": "public-file", "config": config}), 403),
        (lambda: bob.get("connect/connectors/hidden-file"), 403),
        (lambda: bob.get("connect/connectors/public-file/logs"), 403),
    ):
        with pytest.raises(Refused) as refused:
            ask()  # type: ignore[no-untyped-call]
        assert refused.value.status == status


def test_messages_are_read_and_written_by_their_schema(browser: Browser, cluster: NodeProcess) -> None:
    create(cluster, TOPIC)
    schema_id = browser.post(f"registry/subjects/{SUBJECT}/versions", {"schema": json.dumps(ORDER)})["id"]
    browser.post(f"topics/{TOPIC}/messages", {"value": {"format": "schema", "data": {"id": 7, "note": "x"}}})
    asked = {"value": {"format": "schema", "schema_id": schema_id, "data": {"id": 8, "note": None}}}
    browser.post(f"topics/{TOPIC}/messages", asked)
    whole = browser.get(f"topics/{TOPIC}/messages/0/0")
    assert (whole["value"]["format"], whole["value"]["schema_id"]) == ("avro", schema_id)
    assert whole["value"]["data"] == {"id": 7, "note": "x"}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(ORDER), {"id": 7, "note": "x"})
    written = bytes.fromhex(browser.get(f"topics/{TOPIC}/messages/0/0", {"value_format": "hex"})["value"]["data"])
    assert written == b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()
    found = browser.get(f"topics/{TOPIC}/messages", {"where": "value.id > 7", "value_format": "registry"})
    assert [each["value"]["data"]["id"] for each in found["messages"]] == [8]
    with pytest.raises(Refused) as refused:
        browser.post(f"topics/{TOPIC}/messages", {"value": {"format": "schema", "data": {"id": "seven"}}})
    assert (refused.value.status, refused.value.code) == (422, "INVALID")
    browser.post(f"topics/{TOPIC}/messages", {"value": {"format": "hex", "data": f"00{schema_id:08x}ff"}})
    broken = browser.get(f"topics/{TOPIC}/messages", {"limit": 1})["messages"][0]["value"]
    assert (broken["format"], f"does not fit schema {schema_id}" in broken["error"]) == ("hex", True)
    unknown = {"value": {"format": "hex", "data": "0000ffffff01"}}
    browser.post(f"topics/{TOPIC}/messages", unknown)
    assert browser.get(f"topics/{TOPIC}/messages", {"limit": 1})["messages"][0]["value"]["format"] == "hex"
    rows = browser.post("sql", {"query": f'select id, note from "{TOPIC}" where _offset < 2 order by id'})["rows"]
    assert rows == [[7, "x"], [8, None]]


def test_a_connector_is_made_watched_and_deleted(browser: Browser, cluster: NodeProcess, tmp_path: Path) -> None:
    topic, name = "console-lines", "console-file"
    create(cluster, topic)
    file = tmp_path / "lines"
    file.write_text("one\ntwo\n")
    assert browser.get("connect")["version"]
    assert browser.get("connect")["groups"] == ["main", "away"]
    for group, answer in (("away", (502, "UNREACHABLE")), ("none", (404, "NOT_FOUND"))):
        with pytest.raises(Refused) as refused:
            browser.get("connect/connectors", {"group": group})
        assert (refused.value.status, refused.value.code) == answer
    plugins = browser.get("connect/plugins")["plugins"]
    (plugin,) = (each["class"] for each in plugins if each["class"].endswith("FileStreamSourceConnector"))
    checked = browser.put(f"connect/plugins/{CLASS}/validate", {"config": {"connector.class": plugin, "name": name}})
    wrong = {each["name"]: each["errors"] for each in checked["configs"] if each["errors"]}
    assert "topic" in wrong
    assert checked["error_count"] == len(wrong)
    config = {"connector.class": plugin, "file": str(file), "topic": topic, "tasks.max": "1", "some.password": "hush"}
    made = browser.post("connect/connectors", {"name": name, "config": config})
    assert made["config"]["some.password"] == "********"

    def running(state: str = "RUNNING") -> dict[str, Any] | None:
        found: dict[str, Any] = browser.get(f"connect/connectors/{name}")
        states = [found["state"], *(each["state"] for each in found["tasks"])]
        return found if set(states) == {state} and (found["tasks"] or state == "STOPPED") else None

    wait_for(running, "the connector")
    wait_for(lambda: len(browser.get(f"topics/{topic}/messages")["messages"]) == 2, "the lines")
    with pytest.raises(Refused) as there:
        browser.post("connect/connectors", {"name": name, "config": config})
    assert (there.value.status, there.value.code) == (409, "CONFLICT")
    changed = {**made["config"], "batch.size": "10"}
    assert browser.put(f"connect/connectors/{name}/config", {"config": changed})["config"]["batch.size"] == "10"
    wait_for(running, "the connector with its new config")
    browser.post(f"connect/connectors/{name}/pause")
    wait_for(lambda: running("PAUSED"), "the pause")
    browser.post(f"connect/connectors/{name}/resume")
    wait_for(running, "the connector, resumed")
    browser.post(f"connect/connectors/{name}/restart", {"include_tasks": True})
    wait_for(running, "the connector, restarted")
    the_log_is_told(browser, name)
    assert [each["name"] for each in browser.get("connect/connectors")["connectors"]] == [name]
    browser.post(f"connect/connectors/{name}/stop")
    wait_for(lambda: running("STOPPED"), "the stop")
    (offset,) = browser.get(f"connect/connectors/{name}/offsets")["offsets"]
    assert offset["offset"] == {"position": 8}
    offset["offset"] = {"position": 4}
    assert browser.patch(f"connect/connectors/{name}/offsets", {"offsets": [offset]})["message"]
    browser.delete(f"connect/connectors/{name}/offsets")
    assert browser.get(f"connect/connectors/{name}/offsets")["offsets"] == []
    browser.delete(f"connect/connectors/{name}")
    with pytest.raises(Refused) as gone:
        browser.get(f"connect/connectors/{name}")
    assert (gone.value.status, gone.value.code) == (404, "NOT_FOUND")


def the_log_is_told(browser: Browser, name: str) -> None:
    """What was, and then what comes; whoever lost the connection goes on."""
    with browser.events(f"connect/connectors/{name}/logs") as events:
        kind, lines, cursor = next(events)
        assert kind == "lines"
        told = [(line["task"], line["text"]) for line in lines]
        assert {(None, "RUNNING"), (0, "RUNNING"), (None, "PAUSED"), (0, "PAUSED")} <= set(told)
        browser.post(f"connect/connectors/{name}/restart", {"include_tasks": True})
        later = next(data for _, data, _ in events if data)
        assert min(line["number"] for line in later) > max(line["number"] for line in lines)
    with browser.events(f"connect/connectors/{name}/logs", {"Last-Event-ID": cursor}) as events:
        assert next(events)[1][: len(later)] == later
    with pytest.raises(Refused) as gone, browser.events("connect/connectors/nothing/logs"):
        pass
    assert (gone.value.status, gone.value.code) == (404, "NOT_FOUND")


def test_a_streams_topology_is_told(browser: Browser, cluster: NodeProcess) -> None:
    topic, group = "console-streams-in", "console-streams"
    create(cluster, topic)
    member = StreamsGroupMember(cluster, group, topic)
    try:
        wait_for(member.join, "the member to get its tasks")
        browser.post(f"topics/{topic}/messages", {"value": {"format": "text", "data": "x"}})
        found = browser.get(f"groups/{group}/topology")
        (subtopology,) = found["subtopologies"]
        assert subtopology["source_topics"] == [topic]
        (told,) = found["members"]
        assert told["active"] == ["0_0"]
        (listed,) = (each for each in browser.get("groups")["groups"] if each["group_id"] == group)
        assert listed["type"] == "streams"
    finally:
        member.leave()
    with pytest.raises(Refused) as refused:
        browser.get("groups/console-nobody/topology")
    assert (refused.value.status, refused.value.code) == (404, "GROUP_ID_NOT_FOUND")


def test_acls_are_listed_added_and_removed(secured: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "client.properties").write_text("".join(f"{key}={value}\n" for key, value in LOGIN.items()))
    options = ("--bootstrap", secured.address, "--command-config", str(tmp_path / "client.properties"))
    acl = {
        "resource_type": "TOPIC",
        "resource_name": "console-",
        "pattern_type": "PREFIXED",
        "principal": "User:console-ann",
        "host": "*",
        "operation": "READ",
        "permission": "ALLOW",
    }
    with ConsoleProcess(tmp_path, *options) as console:
        browser = Browser(console.address)
        assert browser.post("acls", {"acls": [acl, {**acl, "operation": "describe-configs"}]})["acls"][0] == acl

        def listed() -> list[dict[str, str]]:
            found = browser.get("acls", {"principal": "User:console-ann"})
            assert found["enabled"]
            acls: list[dict[str, str]] = found["acls"]
            return acls

        wait_for(lambda: len(listed()) == 2, "the ACLs")
        assert len(browser.get("acls", {"resource_type": "topic", "resource_name": "console-orders"})["acls"]) == 2
        assert browser.delete("acls", acl) == {"deleted": [acl]}
        wait_for(lambda: [each["operation"] for each in listed()] == ["DESCRIBE_CONFIGS"], "the removal")
        browser.delete("acls", {**acl, "operation": "DESCRIBE_CONFIGS"})
