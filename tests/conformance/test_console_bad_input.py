"""Whatever is sent to the console, it says what is wrong with it, and serves the next."""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.peers.console import Browser, ConsoleProcess

from ottla.console.web.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.process import NodeProcess

NAMES: Final = (
    "console-nothing",
    "..",
    "%00",
    "%2F%2F",
    "é",
    "a" * 300,
    "-1",
    "0",
    "default",
    "%F0%9F%98%80",
    "*",
    "'",
)
VALUES: Final = ("", "-1", "0", "1e9", "9" * 40, "true", "é", "\0", "@-5", "2026-13-01", "a" * 5_000, "[]", "%", "null")
PARTS: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    1.5,
    10**30,
    "",
    "é\0",
    "x" * 5_000,
    [],
    [None],
    [[1]],
    {},
    {"a": None},
    {"": {"": []}},
)
KEYS: Final = sorted(
    {
        "name",
        "partitions",
        "configs",
        "set",
        "delete",
        "count",
        "before",
        "offsets",
        "key",
        "value",
        "headers",
        "copy_of",
    }
    | {"topics", "to", "execute", "acls", "password", "mechanism", "entity", "values", "schema", "schema_type", "level"}
    | {"references", "config", "query", "max_rows", "max_seconds", "partition", "start_offset", "timestamp_ms", "user"}
)
EACH: Final = 8
"""Requests a route."""


@pytest.fixture(scope="module")
def console(cluster: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    directory = tmp_path_factory.mktemp("console-bad")
    nowhere = "http://127.0.0.1:9"
    options = ("--bootstrap", cluster.address, "--registry", nowhere, "--connect", nowhere)
    with ConsoleProcess(directory, *options) as running:
        yield running
        assert running.errors == []


@pytest.mark.long
def test_nothing_that_is_sent_is_an_error_of_ours(console: ConsoleProcess) -> None:
    chance = random.Random(8)
    browser = Browser(console.address)
    browser.csrf = browser.get("/api/session")["csrf"]
    for route in ROUTES:
        if "tail" in route.path:
            continue
        for _ in range(EACH):
            path = re.sub(r"\{(\w+)\}", lambda found: _segment(found[1], chance), route.path)
            known = [*route.query, "unknown"] if route.query else ["unknown"]
            query = "&".join(
                f"{chance.choice(known)}={chance.choice(VALUES)}" for _ in range(chance.choice((0, 1, 2, 4)))
            )
            target = (path + (f"?{query}" if query else "")).encode("ascii", "ignore").decode().replace("\0", "%00")
            body = None if route.method == "GET" else _body(chance)
            answer = browser.send(route.method, target, body)
            told = (route.method, target[:200], str(body)[:300], answer.status, answer.body[:300])
            assert answer.status < 500 or answer.status in (502, 504), told
            if answer.status >= 400:
                assert {"code", "message", "hint"} == json.loads(answer.body)["error"].keys(), told
    assert browser.get("overview")["brokers"]


def test_bodies_that_are_none(console: ConsoleProcess) -> None:
    csrf = Browser(console.address).get("/api/session")["csrf"]

    def status(body: bytes, **headers: str) -> int:
        connection = http.client.HTTPConnection(console.address)
        sent = {"X-Ottla-Csrf": csrf, "Content-Type": "application/json", **headers}
        connection.request("POST", "/api/clusters/local/topics", body, sent)
        found = connection.getresponse().status
        connection.close()
        return found

    assert status(b"") == 400
    assert status(b"{") == 400
    assert status(b"[]") == 400
    assert status(b"\xff\xfe") == 400
    assert status(b"[" * 100_000) == 400
    assert status(b'{"name": "\\ud800"}') == 400
    assert status(b" " * (16 * 1024 * 1024 + 1)) == 413


def test_what_is_no_http_does_not_stop_it(console: ConsoleProcess) -> None:
    host, _, port = console.address.partition(":")
    for data in (
        b"\0" * 100,
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /api/session HTTP/1.1\r\nHost: localhost\r\n",
    ):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(data)
    assert Browser(console.address).get("/api/session")["signed_in"]


def _segment(name: str, chance: random.Random) -> str:
    return "local" if name == "cluster" and chance.random() < 0.9 else chance.choice(NAMES).replace("é", "%C3%A9")


def _body(chance: random.Random) -> Any:
    if chance.random() < 0.1:
        return chance.choice(PARTS)
    return {chance.choice(KEYS): chance.choice(PARTS) for _ in range(chance.choice((0, 1, 2, 3)))}
