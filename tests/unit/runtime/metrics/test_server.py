"""The door for scrapers and probes, over real sockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from ottla.runtime.metrics import server as server_module
from ottla.runtime.metrics.health import Check
from ottla.runtime.metrics.listen import parse_listen
from ottla.runtime.metrics.metric import gauge
from ottla.runtime.metrics.server import MAX_REQUEST_BYTES, MetricsServer
from ottla.runtime.sockets import SocketNetwork, SocketOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from ottla.runtime.metrics.metric import Reading

ANSWER = gauge("answer", "The answer.")


@asynccontextmanager
async def serving(
    ready: Sequence[Check] = (), source: Sequence[Reading] = ((ANSWER, (), 42),)
) -> AsyncIterator[MetricsServer]:
    network = SocketNetwork(asyncio.get_running_loop(), SocketOptions())
    server = MetricsServer(network, [lambda: source], alive=lambda: (Check("node", True),), ready=lambda: ready)
    await server.start("127.0.0.1", 0)
    yield server
    server.close()
    network.close()


async def connect(server: MetricsServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = server.url.removeprefix("http://").partition("/")[0]
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def answer(reader: asyncio.StreamReader, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = b"" if head_only else await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, body


async def ask(server: MetricsServer, request: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await connect(server)
    writer.write(request)
    told = await answer(reader, head_only=request.startswith(b"HEAD"))
    writer.close()
    return told


async def test_metrics_are_told() -> None:
    async with serving() as server:
        status, headers, body = await ask(server, b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert b"\nanswer 42\n" in body
        status, headers, body = await ask(server, b"HEAD /metrics HTTP/1.1\r\n\r\n")
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) > 0


async def test_requests_come_one_after_the_other_on_a_connection() -> None:
    async with serving() as server:
        reader, writer = await connect(server)
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\nGET /nowhere HT")
        assert [(await answer(reader))[0] for _ in range(2)] == [200, 200]
        writer.write(b"TP/1.1\r\nConnection: close\r\n\r\n")
        assert (await answer(reader))[0] == 404
        assert await reader.read() == b""  # it was to be closed
        writer.close()


async def test_a_probe_is_told_each_check() -> None:
    async with serving([Check("started", False, "not yet")]) as server:
        assert (await ask(server, b"GET /healthz HTTP/1.1\r\n\r\n"))[0] == 200
        status, _, body = await ask(server, b"GET /readyz HTTP/1.1\r\n\r\n")
        assert status == 503
        assert json.loads(body) == {
            "status": "failing",
            "checks": {"node": {"ok": True}, "started": {"ok": False, "detail": "not yet"}},
        }


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"GET /metrics\r\n\r\n", 400),
        (b"\x00\x00\x00\x14\x00\x12\x00\x03 not HTTP\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /" + b"x" * MAX_REQUEST_BYTES, 431),
    ],
)
async def test_what_it_does_not_understand_is_refused_and_ends_the_connection(
    request_bytes: bytes, status: int
) -> None:
    async with serving() as server:
        reader, writer = await connect(server)
        writer.write(request_bytes)
        told, headers, _ = await answer(reader)
        assert (told, headers["connection"]) == (status, "close")
        writer.close()
        assert (await ask(server, b"GET /metrics HTTP/1.1\r\n\r\n"))[0] == 200


async def test_a_source_that_fails_is_told_and_the_next_scrape_works(caplog: pytest.LogCaptureFixture) -> None:
    fails = True

    def source() -> Iterator[Reading]:
        if fails:
            raise RuntimeError("broken")
        yield ANSWER, (), 1

    async with serving() as server:
        server.sources.append(source)
        assert (await ask(server, b"GET /metrics HTTP/1.1\r\n\r\n"))[0] == 500
        assert "broken" in caplog.text
        fails = False
        assert (await ask(server, b"GET /metrics HTTP/1.1\r\n\r\n"))[0] == 200


async def test_one_connection_too_many_takes_the_place_of_the_most_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 2)
    async with serving() as server:
        connections = []
        for _ in range(2):
            reader, writer = await connect(server)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert (await answer(reader))[0] == 200
            connections.append((reader, writer))
        connections[0][1].write(b"GET / HTTP/1.1\r\n\r\n")  # the first one speaks: the second has been silent longer
        assert (await answer(connections[0][0]))[0] == 200
        assert (await ask(server, b"GET / HTTP/1.1\r\n\r\n"))[0] == 200
        with pytest.raises(ConnectionResetError):
            assert await connections[1][0].read() == b""
            raise ConnectionResetError  # closed is as good as reset
        connections[0][1].write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await answer(connections[0][0]))[0] == 200
        for _, writer in connections:
            writer.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9404", ("127.0.0.1", 9404)),
        (":9404", ("127.0.0.1", 9404)),
        ("9404", ("127.0.0.1", 9404)),
        ("[::1]:0", ("::1", 0)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "host:x", "host:65536", "host:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_listen(text)
