"""The web console, started as a user starts it, and a small client of its API: blocking, over `http.client`."""

from __future__ import annotations

import http.client
import json
import re
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from tests.peers.process import POLL_INTERVAL_S, NodeProcess

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

START_TIMEOUT_S: Final = 60.0
TIMEOUT_S: Final = 60.0
_URL: Final = re.compile(r"ready on (https?)://127\.0\.0\.1:(\d+)")


class ConsoleProcess(NodeProcess):
    """`ottla console …` on a free port of the loopback, which it keeps over restarts."""

    name = "Console"

    def __init__(self, directory: Path, *options: str) -> None:
        super().__init__(directory)
        self._options = options
        self._port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        written = len(self.output)
        command: Sequence[str] = [sys.executable, "-m", "ottla", "console", "--listen", self.address, *self._options]
        self._spawn(command, {"PYTHONUNBUFFERED": "1"})
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            running = self.is_running
            found = _URL.search(self.output, written)
            if found:
                self._port = int(found[2])
                return
            if not running or time.monotonic() > deadline:
                raise self.died("did not get ready")
            time.sleep(POLL_INTERVAL_S)


class Refused(Exception):  # noqa: N818
    """An answer that is an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.error: dict[str, Any] = body["error"]
        self.code: str = self.error["code"]


class Answer:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body


class Browser:
    """Keeps cookies and the token, as a page does. Paths without a leading slash are of the cluster."""

    def __init__(self, address: str, cluster: str = "local", tls: ssl.SSLContext | None = None) -> None:
        self.address = address
        self.tls = tls
        self.cluster = cluster
        self.cookies: dict[str, str] = {}
        self.csrf: str | None = None

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """Whatever comes back; `TimeoutError`, and the connection is closed."""
        connection = self._connection(timeout_s)
        try:
            response = self._begin(connection, method, path, body, headers)
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """`Refused`."""
        return self._json("GET", path + (f"?{urlencode(query, doseq=True)}" if query else ""))

    def post(self, path: str, body: object = None) -> Any:
        return self._json("POST", path, body)

    def put(self, path: str, body: object = None) -> Any:
        return self._json("PUT", path, body)

    def patch(self, path: str, body: object = None) -> Any:
        return self._json("PATCH", path, body)

    def delete(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._json("DELETE", path + (f"?{urlencode(query, doseq=True)}" if query else ""))

    def sign_in(self, user: str, password: str) -> Any:
        session = self.post("/api/session", {"user": user, "password": password})
        self.csrf = session["csrf"]
        return session

    @contextmanager
    def events(self, path: str, headers: Mapping[str, str] | None = None) -> Iterator[Iterator[tuple[str, Any, str]]]:
        """(event, data, id) as they come."""
        connection = self._connection(TIMEOUT_S)
        try:
            response = self._begin(connection, "GET", path, None, headers)
            if response.status != 200:
                raise Refused(response.status, json.loads(response.read()))
            assert response.getheader("content-type") == "text/event-stream"
            yield _events(response)
        finally:
            connection.close()

    def _json(self, method: str, path: str, body: object = None) -> Any:
        if method != "GET" and self.csrf is None and path != "/api/session":
            self.csrf = self.get("/api/session")["csrf"]
        answer = self.send(method, path, body)
        value = json.loads(answer.body) if answer.body else None
        if answer.status >= 400:
            raise Refused(answer.status, value or {})
        return value

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self.tls is None:
            return http.client.HTTPConnection(self.address, timeout=timeout_s)
        return http.client.HTTPSConnection(self.address, timeout=timeout_s, context=self.tls)

    def _begin(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: object,
        headers: Mapping[str, str] | None,
    ) -> http.client.HTTPResponse:
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if not self.cookies:
            del sent["Cookie"]
        if self.csrf is not None and method != "GET":
            sent["X-Ottla-Csrf"] = self.csrf
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        target = path if path.startswith("/") else f"/api/clusters/{quote(self.cluster)}/{path}"
        connection.request(method, target, data, {**sent, **(headers or {})})
        response = connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return response


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[str, Any, str]]:
    fields: dict[str, str] = {}
    while line := response.readline():
        text = line.decode().rstrip("\n")
        if text:
            name, _, value = text.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield fields["event"], json.loads(fields["data"]), fields.get("id", "")
            fields = {}
        else:
            fields = {}
