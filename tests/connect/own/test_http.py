"""Records to an API and from one, over real connections: batches, retries, refusals, pages, tokens."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.connect.own.api_server import ApiServer, Asked
from tests.connect.own.tasks import Sink, Source, StoredOffsets, errors_of

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.http.sink import HttpSinkConnector
from ottla.connect.connectors.http.source import HttpSourceConnector
from ottla.connect.data.schema import INT32_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("name", STRING_SCHEMA).build()


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as started:
        yield started


def sink(server: ApiServer, path: str = "/things", *, reports: Any = False, **more: Any) -> Sink:
    props = {"http.api.url": server.url + path, "retry.backoff.ms": 1}
    return Sink(HttpSinkConnector, props | {key.replace("_", "."): text for key, text in more.items()}, reports=reports)


def test_each_record_is_a_request(server: ApiServer) -> None:
    task = sink(server, "/${topic}/${key}/${value.id}?at=${offset}", headers="X-One: 1|X-Two:2", request_method="PUT")
    task.put(Struct(ROW, id=1, name="ü"), {"id": 2}, keys=["a/b", "c"])
    assert [(each.method, each.path) for each in server.asked] == [
        ("PUT", "/things/a%2Fb/1?at=0"),
        ("PUT", "/things/c/2?at=1"),
    ]
    assert server.asked[0].json == {"id": 1, "name": "ü"}
    headers = server.asked[0].headers
    assert (headers["X-One"], headers["X-Two"], headers["Content-Type"]) == ("1", "2", "application/json")
    task.stop()
    text = sink(server, request_body_format="string")
    text.put("plain", 7)
    assert [each.body for each in server.asked[2:]] == [b"plain", b"7"]
    text.stop()


def test_batches_and_deletions(server: ApiServer) -> None:
    task = sink(server, "/${key}", batch_max_size=3, batch_json_as_array="true", behavior_on_null_values="delete")
    values: list[Any] = [{"n": number} for number in range(5)] + [None, {"n": 6}]
    task.put(*values, keys=["k"] * 5 + ["k", "other"])
    assert [(each.method, each.path) for each in server.asked] == [
        ("POST", "/k"), ("POST", "/k"), ("DELETE", "/k"), ("POST", "/other")
    ]  # fmt: skip
    assert [len(each.json) for each in server.asked if each.body] == [3, 2, 1]
    task.stop()
    framed = sink(server, batch_max_size=2, batch_prefix="<", batch_separator=";", batch_suffix=">")
    framed.put({"n": 1}, {"n": 2}, {"n": 3})
    assert [each.body for each in server.asked[-2:]] == [b'<{"n":1};{"n":2}>', b'<{"n":3}>']
    framed.stop()


def test_what_may_pass_is_tried_again_and_what_was_taken_is_not_sent_twice(server: ApiServer) -> None:
    failures = iter([(503, {}), (429, {"Retry-After": "2"}), (0, {})])

    def answer(asked: Asked) -> tuple[int, Any, dict[str, str]]:
        if asked.json["n"] == 2 and (failed := next(failures, None)) is not None:
            return failed[0], {}, failed[1]
        return 200, {}, {}

    server.answer = answer
    task = sink(server)
    task.put(*({"n": number} for number in range(4)))
    assert [each.json["n"] for each in server.asked] == [0, 1, 2, 2, 2, 2, 3]
    assert task.context.timeouts == [
        1,
        2000,
    ]  # a connection that was open may have been closed long ago: once more at once
    task.stop()


def test_no_answer_fails_the_task_after_its_tries(server: ApiServer) -> None:
    server.answer = lambda _: (0, {}, {})
    task = sink(server, reports=True, max_retries=2)
    with pytest.raises(ConnectError, match="without an answer, after 2 more tries"):
        task.put({"n": 1})
    assert (len(server.asked), task.rejected) == (3, [])
    gone = Sink(HttpSinkConnector, {"http.api.url": "http://127.0.0.1:1/", "max.retries": 0})
    with pytest.raises(ConnectError, match="cannot be reached"):
        gone.put({"n": 1})


def test_what_is_refused_is_reported_with_the_answer_and_counted(server: ApiServer) -> None:
    def answer(asked: Asked) -> tuple[int, Any, dict[str, str]]:
        bad = [each for each in asked.json if each["n"] % 3 == 0]
        return (422, {"wrong": bad}, {}) if bad else (200, {}, {})

    server.answer = answer
    task = sink(server, reports=True, batch_max_size=4, batch_json_as_array="true", behavior_on_null_values="fail")
    values: list[Any] = [{"n": number} for number in range(10)]
    task.put(*values[:5], None, *values[5:])
    taken = {each["n"] for asked in server.asked for each in asked.json if all(one["n"] % 3 for one in asked.json)}
    assert taken == {1, 2, 4, 5, 7, 8}
    assert len(taken) + len(task.rejected) == 11
    assert '422 Unprocessable Entity: {"wrong": [{"n": 9}]}' in str(task.rejected[-1][1])
    with pytest.raises(ConnectError, match="was answered with 422"):
        sink(server, batch_json_as_array="true").put({"n": 3})
    task.stop()


def test_an_answer_that_stays_bad_is_about_the_record(server: ApiServer) -> None:
    server.answer = lambda _: (500, b"no", {})
    task = sink(server, reports=True, max_retries=1)
    task.put({"n": 1})
    assert (len(server.asked), task.retried) == (2, 1)
    assert "500 Internal Server Error: no" in str(task.rejected[0][1])
    task.stop()


def test_who_one_is(server: ApiServer) -> None:
    sink(server, auth_type="BASIC", connection_user="me", connection_password="pass").put({})
    sink(server, auth_type="BEARER", auth_bearer_token="secret").put({})
    said = [asked.headers["Authorization"] for asked in server.asked]
    assert said == ["Basic " + base64.b64encode(b"me:pass").decode(), "Bearer secret"]
    tokens = iter("ab")
    server.asked.clear()

    def answer(asked: Asked) -> tuple[int, Any, dict[str, str]]:
        if asked.path == "/token":
            return 200, {"access_token": next(tokens), "expires_in": 3600}, {}
        return (401 if asked.headers["Authorization"] == "Bearer a" and len(server.asked) > 2 else 200), {}, {}

    server.answer = answer
    oauth = {"oauth2.token.url": f"{server.url}/token", "oauth2.client.id": "me", "oauth2.client.secret": "s"}
    task = sink(server, auth_type="OAUTH2", **oauth)
    task.put({}, {})
    assert parse_qs(server.asked[0].body.decode())["client_id"] == ["me"]
    paths = ["/token", "/things", "/things", "/token", "/things"]
    assert [each.path for each in server.asked] == paths
    task.stop()


def test_wrong_configurations_name_the_key() -> None:
    good = {"http.api.url": "http://localhost/"}
    assert errors_of(HttpSinkConnector, good) == {}
    for key, more in {
        "http.api.url": {"http.api.url": "ftp://x"},
        "request.method": {"request.method": "LOOK"},
        "headers": {"headers": "nonsense"},
        "connection.user": {"auth.type": "basic"},
        "auth.bearer.token": {"auth.type": "bearer"},
        "retry.on.status.codes": {"retry.on.status.codes": "some"},
        "https.ssl.ca.location": {"https.ssl.ca.location": "nowhere"},
        "batch.max.size": {"batch.max.size": "0"},
    }.items():
        assert list(errors_of(HttpSinkConnector, good | more)) == [key]
    source = {"url": "http://localhost/", "topic": "t"}
    assert errors_of(HttpSourceConnector, source) == {}
    for key, more in {
        "topic": {"topic": ""},
        "http.offset.json.pointer": {"http.offset.mode": "chaining"},
        "http.response.data.json.pointer": {"http.response.data.json.pointer": "data"},
        "http.initial.offset": {"http.offset.mode": "SIMPLE_INCREMENTING", "http.initial.offset": "x"},
    }.items():
        assert list(errors_of(HttpSourceConnector, source | more)) == [key]


# Source

ITEMS = [{"id": number, "name": f"n{number}"} for number in range(1, 12)]


def source(server: ApiServer, path: str, offsets: Any = None, **more: Any) -> Source:
    props = {"url": server.url + path, "topic": "t", "request.interval.ms": 1, "retry.backoff.ms": 1}
    props |= {key.replace("_", "."): text for key, text in more.items()}
    return Source(HttpSourceConnector, props, offsets)


def query(asked: Asked, name: str) -> str:
    return parse_qs(urlsplit(asked.path).query, keep_blank_values=True)[name][0]


def values(records: list[Any]) -> list[Any]:
    return [record.value for record in records]


@pytest.mark.parametrize("mode", ["SIMPLE_INCREMENTING", "CHAINING"])
def test_offsets_go_on_after_a_restart_at_any_record(server: ApiServer, mode: str) -> None:
    def answer(asked: Asked) -> tuple[int, Any, dict[str, str]]:
        since = int(query(asked, "since") or 0)
        return 200, {"data": {"items": [each for each in ITEMS if int(str(each["id"])) > since][:4]}}, {}

    server.answer = answer
    more = {"http.offset.mode": mode, "http.response.data.json.pointer": "/data/items"}
    more |= {"http.offset.json.pointer": "/id", "key.json.pointer": "/name"}
    whole = source(server, "/items?since=${offset}", **more).take(11)
    assert values(whole) == ITEMS
    assert whole[0].key == "n1"
    for place in (0, 3, 5, 10):
        offsets = StoredOffsets()
        offsets.store(whole[place])
        again = source(server, "/items?since=${offset}", offsets, **more)
        assert values(again.take(10 - place)) == ITEMS[place + 1 :]
        assert again.poll() == []


@pytest.mark.parametrize("how", ["token", "path", "link"])
def test_pages_and_a_last_one_that_grows(server: ApiServer, how: str) -> None:
    items = list(ITEMS)

    def answer(asked: Asked) -> tuple[int, Any, dict[str, str]]:
        page = int(query(asked, "page") or 0)
        following = page + 1 if (page + 1) * 4 < len(items) else None
        body: dict[str, Any] = {"items": items[page * 4 : page * 4 + 4]}
        headers = {}
        if following is not None:
            url = f"/items?page={following}"
            body["next"] = {"token": following, "path": url, "link": None}[how]
            headers = {"Link": f'<{url}>; rel="next", </>; rel="first"'} if how == "link" else {}
        return 200, body, headers

    server.answer = answer
    more = {"http.offset.mode": "CURSOR_PAGINATION", "http.response.data.json.pointer": "/items"}
    more |= {} if how == "link" else {"http.next.page.json.pointer": "/next"}
    first = source(server, "/items?page=${offset}", **more)
    whole = first.take(11)
    assert values(whole) == ITEMS
    assert first.poll() == []
    items.append({"id": 12, "name": "new"})
    items.append({"id": 13, "name": "newer"})
    assert [each["id"] for each in values(first.take(2))] == [12, 13]
    for place in (0, 3, 8, 10):
        offsets = StoredOffsets()
        offsets.store(whole[place])
        again = source(server, "/items?page=${offset}", offsets, **more)
        assert values(again.take(12 - place)) == items[place + 1 :]


def test_a_snapshot_comes_again(server: ApiServer) -> None:
    server.answer = lambda _: (200, {"now": 1}, {})
    task = source(server, "/", http_request_method="POST", http_request_body='{"ask": 1}')
    assert values(task.take(2)) == [{"now": 1}] * 2
    assert task.offsets.stored == {}
    assert (server.asked[0].method, server.asked[0].json) == ("POST", {"ask": 1})


def test_rubbish_fails_the_task_with_the_reason(server: ApiServer) -> None:
    chaining = {"http.offset.mode": "CHAINING", "http.offset.json.pointer": "/id"}
    for body, reason, more in (
        (b"<html>", "answers with what is no JSON", {}),
        (json.dumps([{"x": 1}]).encode(), "a record has no offset at /id", chaining),
    ):
        server.answer = lambda _, body=body: (200, body, {})
        with pytest.raises(ConnectError, match=reason):
            source(server, "/", **more).poll()
    server.answer = lambda _: (404, b"nothing here", {})
    with pytest.raises(ConnectError, match="answers with 404 Not Found: nothing here"):
        source(server, "/").poll()
    server.answer = lambda _: (503, b"", {})
    task = source(server, "/", max_retries=2)
    with pytest.raises(ConnectError, match="after 2 more tries"):
        task.poll_until(lambda: False)
    assert len(server.asked) == 6
