"""SQL over REST against a node: lines, limits, who may read what, and who may not even ask."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from tests.conformance.conftest import LOGIN
from tests.peers.ottla_cli import InProcessCli

from ottla.clients.security import NO_SECURITY, client_security
from ottla.console.sql.answer import Limits, Settings
from ottla.console.sql.rest import RUNNING_MAX, WAITING_MAX
from ottla.console.sql.server import ListenError, SqlServer
from ottla.runtime.http_client import HttpAnswer, HttpClient
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.peers.process import NodeProcess

    from ottla.clients.security import ClientSecurity

TOPIC = "sql-rest"
SLOW = "select sum(i * i) from range(100000000000) t(i)"


@pytest.fixture(scope="module")
def filled(node: NodeProcess) -> str:
    """Three orders of two customers, in one partition."""
    InProcessCli(("--bootstrap", node.address)).works("topics", "create", TOPIC, "--partitions", "1")
    producer = Producer({"bootstrap.servers": node.address})
    for key, amount in ((b"a", 10), (b"b", 20), (b"a", 15)):
        producer.produce(TOPIC, json.dumps({"amount": amount}).encode(), key)
    assert producer.flush(10) == 0
    return node.address


class Asked:
    def __init__(self, server: SqlServer) -> None:
        self._client = HttpClient(server.url.removesuffix("/v1/sql"))

    async def send(
        self, body: bytes, headers: Mapping[str, str] | None = None, *, method: str = "POST", path: str = "/v1/sql"
    ) -> HttpAnswer:
        return await self._client.send(method, path, body, headers)

    async def lines(self, query: str, **more: Any) -> list[Any]:
        body = json.dumps({"query": query, **more}).encode()
        answer = await self.send(body, {"Content-Type": "application/json"})
        assert answer.status == 200, answer.body
        assert answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.body.splitlines()]


async def serve(bootstrap: str, security: ClientSecurity = NO_SECURITY, *, sign_in: bool = False) -> SqlServer:
    network = SocketNetwork(asyncio.get_running_loop())
    settings = Settings(limits=Limits(seconds=20))
    server = SqlServer(network, bootstrap, security, settings, ("127.0.0.1", 0), sign_in=sign_in)
    await server.start()
    return server


@pytest.fixture
async def asked(filled: str) -> AsyncIterator[Asked]:
    server = await serve(filled)
    yield Asked(server)
    await server.stop()


async def test_an_answer_is_lines_that_end_with_what_was_read(asked: Asked) -> None:
    columns, *rows, told = await asked.lines(f'select _key, amount from latest("{TOPIC}") order by _key')
    assert columns == {"columns": [{"name": "_key", "type": "VARCHAR"}, {"name": "amount", "type": "BIGINT"}]}
    assert rows == [["a", 15], ["b", 20]]
    again = told["read"][0]["again"]
    assert told == {
        "read": [{"topic": TOPIC, "latest": True, "ranges": {"0": [0, 3]}, "again": again}],
        "is_cut": False,
        "records": 3,
    }
    assert (await asked.lines(f"select sum(amount) from {again}"))[1] == [35]
    assert (await asked.lines(f"select amount from latest(\"{TOPIC}\") as of offsets '0:1'"))[1:-1] == [[10]]


async def test_a_plain_body_is_the_query_and_what_json_cannot_say_is_text(asked: Asked) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what curl -d says
    answer = await asked.send(
        b"select 'nan'::double, '\\x01'::blob, date '2026-11-29', [1.5], {'a': 'inf'::float}", form
    )
    assert json.loads(answer.body.splitlines()[1]) == ["nan", "AQ==", "2026-11-29", [1.5], {"a": "inf"}]


async def test_limits_are_the_less_of_both(asked: Asked) -> None:
    columns, *rows, told = await asked.lines(f'select amount from "{TOPIC}"', max_rows=2)
    assert (len(columns), len(rows), told["is_cut"]) == (1, 2, True)
    body = json.dumps({"query": f'from "{TOPIC}"', "max_records": 2}).encode()
    refused = await asked.send(body, {"Content-Type": "application/json"})
    assert (refused.status, b"--max-records" in refused.body) == (422, True)
    body = json.dumps({"query": SLOW, "max_seconds": 0.2}).encode()
    refused = await asked.send(body, {"Content-Type": "application/json"})
    assert (refused.status, b"no answer within 0.2 s" in refused.body) == (422, True), refused.body


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "BAD_REQUEST"),
        (b"{", 400, "BAD_REQUEST"),
        (b"[" * 100_000, 400, "BAD_REQUEST"),
        (b'{"query": 5}', 400, "BAD_REQUEST"),
        (b'{"query": "select 1", "max_rows": -1}', 400, "BAD_REQUEST"),
        (b'{"query": "select 1", "max_rows": true}', 400, "BAD_REQUEST"),
        (b'{"query": "select 1", "max_seconds": 1e999}', 400, "BAD_REQUEST"),
        (b'{"query": "select 1", "key_format": "xml"}', 400, "BAD_REQUEST"),
        (b'{"query": "select 1", "attach": "x"}', 400, "BAD_REQUEST"),
        (b'{"query": "selct 1"}', 422, "INVALID"),
        (b'{"query": "select * from read_csv(\'/etc/passwd\')"}', 422, "INVALID"),
        (b'{"query": "from nowhere"}', 404, "UNKNOWN_TOPIC_OR_PARTITION"),
    ],
)
async def test_what_is_wrong_is_said(asked: Asked, body: bytes, status: int, code: str) -> None:
    refused = await asked.send(body, {"Content-Type": "application/json"})
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (status, code), refused.body


async def test_pages_of_other_sites_are_refused(asked: Asked) -> None:
    assert (await asked.send(b"select 1", {"Host": "evil.example:80"})).status == 421
    assert (await asked.send(b"select 1", {"Origin": "http://evil.example"})).status == 403
    assert (await asked.send(b"select 1", method="PUT")).status == 405
    assert (await asked.send(b"select 1", path="/v1/else")).status == 404
    assert (await asked.send(b"select 1", {"Authorization": "Basic YTpi"})).status == 400  # no users here
    assert (await asked.send(b"select 1", {"Authorization": "Bearer x"})).status == 400


async def test_queries_are_bounded_and_end_when_nobody_waits(filled: str) -> None:
    server = await serve(filled)
    asked = Asked(server)
    try:
        slow = [asyncio.ensure_future(asked.send(SLOW.encode())) for _ in range(RUNNING_MAX + WAITING_MAX)]
        application = server._application
        while application._here < RUNNING_MAX + WAITING_MAX:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        refused = await asked.send(b"select 1")
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        for each in slow:
            each.cancel()
        while application._here:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert (await asked.lines("select 1"))[1] == [1]
    finally:
        await server.stop()


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture(scope="module")
def shared(admin: InProcessCli) -> None:
    """A topic that alice may read, and one that she may not."""
    for name in ("sql-mine", "sql-theirs"):
        admin.works("topics", "create", name, "--partitions", "1")
    admin.works("acls", "add", "--principal", "User:alice", "--operation", "read", "--topic", "sql-mine")


@pytest.mark.usefixtures("shared")
async def test_a_user_reads_what_its_acls_allow(secured: NodeProcess) -> None:
    server = await serve(secured.address, client_security(LOGIN), sign_in=True)
    asked = Asked(server)
    try:
        alice = basic("alice", "alice-secret")
        answer = await asked.send(b'select count(*) from "sql-mine"', alice)
        assert (answer.status, answer.body.splitlines()[1:2]) == (200, [b"[0]"]), answer.body
        refused = await asked.send(b'select count(*) from "sql-theirs"', alice)
        assert (refused.status, b"sql-theirs" in refused.body) == (403, True), refused.body
        for wrong in ({}, basic("alice", "guessed"), basic("nobody", "x")):
            refused = await asked.send(b"select 1", wrong)
            assert (refused.status, "basic" in refused.headers["www-authenticate"].lower()) == (401, True)
    finally:
        await server.stop()


async def test_rights_of_the_server_are_not_given_to_a_network(secured: NodeProcess) -> None:
    network = SocketNetwork(asyncio.get_running_loop())
    with pytest.raises(ListenError, match="--sign-in"):
        SqlServer(network, secured.address, client_security(LOGIN), Settings(), ("0.0.0.0", 0))
    with pytest.raises(ListenError, match="SCRAM"):
        SqlServer(network, secured.address, NO_SECURITY, Settings(), ("127.0.0.1", 0), sign_in=True)
    network.close()
