"""Where the REST API is served: with TLS, on several listeners, for administrators elsewhere, for pages of others."""

from __future__ import annotations

import datetime
import json
import ssl
import urllib.error
import urllib.request
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.peers.certificates import Authority
from tests.peers.connect import KafkaConnect, OttlaConnect
from tests.peers.process import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.connect import ConnectProcess
    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(280)

ORIGIN = "http://here.example"


class Told(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


def ask(
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    body: object = None,
) -> Told:
    data = None if body is None else json.dumps(body).encode()
    sent = (headers or {}) | ({} if data is None else {"Content-Type": "application/json"})
    request = urllib.request.Request(url, data, sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60, context=tls) as answer:
            status, told, data = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, told, data = error.code, error.headers, error.read()
    names = {name.lower(): value for name, value in told.items()}
    return Told(status, names, json.loads(data) if data[:1] in (b"{", b"[", b'"') else data.decode())


class Secured:
    """Certificates, and the settings of listeners with them."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        authority = Authority()
        self._trust = directory / "ca.pem"
        self._trust.write_text(authority.pem)
        self._store = directory / "worker.pem"
        self._store.write_text("".join(authority.issue("worker")))

    def settings(self, prefix: str = "listeners.https.", *, auth: str = "none") -> dict[str, str]:
        return {
            f"{prefix}ssl.keystore.type": "PEM",
            f"{prefix}ssl.keystore.location": str(self._store),
            f"{prefix}ssl.truststore.type": "PEM",
            f"{prefix}ssl.truststore.location": str(self._trust),
            f"{prefix}ssl.client.auth": auth,
        }

    def client(self, *, has_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self._trust))
        if has_certificate:
            context.load_cert_chain(self._store)
        return context


def test_tls_admin_and_other_origins(node: NodeProcess, tmp_path: Path) -> None:
    secured = Secured(tmp_path / "tls")
    worker = OttlaConnect(tmp_path / "worker", node.address)
    https, admin = f"https://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    worker._settings |= secured.settings() | {
        "listeners": f"http://{worker.address},{https}",
        "admin.listeners": admin,
        "access.control.allow.origin": "http://.*[.]example",
        "access.control.allow.methods": "GET,PUT",
        "response.http.headers.config": "set X-Frame-Options: DENY",
    }
    tls = secured.client()
    with worker:
        http = f"http://{worker.address}"
        assert ask(f"{https}/connectors", tls=tls).body == ask(f"{http}/connectors").body == []
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(f"{https}/connectors")
        assert [ask(f"{each}/admin/loggers/root").status for each in (http, admin)] == [404, 200]
        assert ask(f"{admin}/connectors").status == 404
        told = ask(f"{http}/connectors", headers={"Origin": ORIGIN})
        assert told.headers["access-control-allow-origin"] == ORIGIN
        assert told.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in ask(f"{http}/connectors").headers
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
        assert ask(f"{http}/connectors", "OPTIONS", asked).headers["access-control-allow-methods"] == "GET,PUT"


@pytest.mark.long
def test_workers_that_forward_over_tls(node: NodeProcess, tmp_path: Path) -> None:
    """Each has to show a certificate to the other."""
    secured = Secured(tmp_path / "tls")
    tls = secured.client(has_certificate=True)
    (tmp_path / "in").write_text("one\n")
    source = {"connector.class": "FileStreamSource", "file": str(tmp_path / "in"), "topic": "over-tls"}
    with ExitStack() as stack:
        urls = []
        for name in ("a", "b"):
            worker = OttlaConnect(tmp_path / name, node.address, group="over-tls")
            url = f"https://127.0.0.1:{free_port()}"
            worker._settings |= secured.settings(auth="required") | {
                "listeners": f"http://{worker.address},{url}",
                "rest.advertised.listener": "https",
            }
            urls.append(url)
            stack.enter_context(worker)
        with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
            ask(f"{urls[0]}/connectors", tls=secured.client())
        for number, url in enumerate(urls):
            assert ask(f"{url}/connectors/c{number}/config", "PUT", tls=tls, body=source).status == 201

        def running() -> bool:
            told = [ask(f"{urls[0]}/connectors/c{number}/status", tls=tls) for number in range(2)]
            return all(
                each.status == 200 and [task["state"] for task in each.body["tasks"]] == ["RUNNING"] for each in told
            )

        wait_for(running, "both run")


@pytest.mark.java
@pytest.mark.long
def test_other_origins_hear_what_kafka_connect_tells_them(node: NodeProcess, tmp_path: Path) -> None:
    """The headers that browsers look at, of forty requests."""
    kinds: list[type[ConnectProcess]] = [KafkaConnect, OttlaConnect]
    settings = {
        "access.control.allow.origin": "http://h.*ple, http://there.example",
        "response.http.headers.config": '"add Cache-Control: no-cache, no-store", add X-XSS-Protection: 1; mode=block, '
        "set X-Content-Type-Options: nosniff, setDate X-Later: 31540000000",
    }
    told: list[list[dict[str, Any]]] = []
    for kind in kinds:
        with kind(tmp_path / kind.__name__, node.address, settings) as worker:
            told.append(list(_heard(f"http://{worker.address}/connectors")))
    assert told[0] == told[1]


def _heard(url: str) -> Iterator[dict[str, Any]]:
    for origin in (None, ORIGIN, "http://there.example", "http://hpl", f"{ORIGIN} http://elsewhere.example"):
        for method in ("GET", "DELETE", "PUT", None):
            for wanted in (None, "x-other"):
                asked = {"Origin": origin, "Access-Control-Request-Method": method}
                asked["Access-Control-Request-Headers"] = wanted
                sent = {name: text for name, text in asked.items() if text is not None}
                for verb in ("OPTIONS", "GET"):
                    answer = ask(url, verb, sent)
                    heard: dict[str, Any] = {
                        name: set(text.split(","))
                        for name, text in answer.headers.items()
                        if name.startswith(("access-control-", "x-c", "x-x")) or name in ("vary", "cache-control")
                    }
                    later = parsedate_to_datetime(answer.headers["x-later"]) - datetime.datetime.now(datetime.UTC)
                    yield heard | {"status": answer.status, "days": round(later.total_seconds() / 86_400)}
