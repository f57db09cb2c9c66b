"""An internet of one's own: a proxy on the loopback that answers for the hosts that it is told, and for no other.

Programs are led to it by `HTTPS_PROXY`, and trust its certificates by `REQUESTS_CA_BUNDLE`; so a source that only knows
the address of a service out there is run as it is, and nothing leaves this machine.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from tests.peers.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Answer = "Callable[[str], Any]"
"""From the path with its query to what is sent: bytes, or JSON; `None` is 404."""


class Internet:
    """`hosts` may grow while it runs; `asked` is what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.hosts: dict[str, Callable[[str], Any]] = {}
        self.asked: list[str] = []
        self._folder = folder
        self._authority = Authority("An internet of one's own")
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"internet": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def authority_pem(self) -> str:
        return self._authority.pem

    @property
    def environment(self) -> Mapping[str, str]:
        bundle = str(self._folder / "authority.pem")
        return {
            "HTTPS_PROXY": self.url,
            "HTTP_PROXY": self.url,
            "https_proxy": self.url,
            "http_proxy": self.url,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
        }

    def __enter__(self) -> Self:
        (self._folder / "authority.pem").write_text(self._authority.pem)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def context(self, host: str) -> ssl.SSLContext:
        with self._lock:
            found = self._contexts.get(host)
            if found is None:
                key, certificate = self._authority.issue(host, hosts=(host,))
                path = self._folder / f"{host}.pem"
                path.write_text(key + certificate)
                found = self._contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                found.load_cert_chain(path)
            return found

    def answer(self, host: str, target: str) -> tuple[int, str, bytes]:
        self.asked.append(f"{host}{target}")
        found = self.hosts[host](target) if host in self.hosts else None
        if found is None:
            return 404, "application/json", b'{"message": "nobody is there"}'
        if isinstance(found, bytes):
            return 200, "application/octet-stream", found
        return 200, "application/json", json.dumps(found).encode()


class _Handler(BaseHTTPRequestHandler):
    internet: Internet
    protocol_version = "HTTP/1.1"
    host = ""

    def do_CONNECT(self) -> None:
        host = self.path.partition(":")[0]
        if host not in self.internet.hosts:
            self.internet.asked.append(f"{host} (refused)")
            self.send_error(403, "no such host in this internet")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        with contextlib.suppress(OSError, ssl.SSLError):
            secured = self.internet.context(host).wrap_socket(self.connection, server_side=True)
            inner = type("Inner", (type(self),), {"host": host})
            with contextlib.suppress(OSError, ssl.SSLError, ValueError):
                inner(secured, self.client_address, self.server)
            with contextlib.suppress(OSError):
                secured.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length:
            self.rfile.read(length)
        parts = urlsplit(self.path)
        host = self.host or parts.hostname or (self.headers.get("Host") or "").partition(":")[0]
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        status, kind, body = self.internet.answer(host, target)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        return
