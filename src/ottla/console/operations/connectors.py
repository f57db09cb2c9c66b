"""What a worker of Connect is asked over its REST API, Ottla's or Apache Kafka's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ottla.runtime.config.properties import parse_properties
from ottla.runtime.http_client import HttpClient, HttpError, UnreachableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from pathlib import Path

    from ottla.runtime.http_client import HttpAnswer


class ConnectorsError(Exception):
    """The worker refuses, or does not answer (`status` 0)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ConnectorFileError(ValueError):
    """The file is no connector's configuration."""


@dataclass(frozen=True, slots=True)
class ConnectorSummary:
    name: str
    kind: str
    state: str
    worker: str
    tasks: str
    """`2 RUNNING, 1 FAILED`."""


class ConnectApi:
    """`ConnectorsError` names what the worker said.

    `urls`: of one worker, or, with commas between them, of several of one group: whoever can be reached is asked.
    """

    def __init__(self, urls: str, *, tls: ssl.SSLContext | None = None) -> None:
        try:
            self._clients = [HttpClient(url.strip(), tls=tls) for url in urls.split(",")]
        except HttpError as error:
            raise ConnectorsError(str(error), 400) from None
        self._at = 0
        """Who answered last."""

    def close(self) -> None:
        for client in self._clients:
            client.close()

    async def ask(self, method: str, target: str, body: object = None) -> Any:
        """The answer as JSON; `None` without one."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = await self._send(method, target, data, headers)
        try:
            said = json.loads(answer.body) if answer.body else None
        except ValueError:
            url = self._clients[self._at].url
            raise ConnectorsError(f"{url} answers {answer.status}, and no JSON", answer.status) from None
        if answer.status >= 400:
            text = said.get("message") if isinstance(said, dict) else None
            raise ConnectorsError(str(text or f"the worker answers {answer.status}"), answer.status)
        return said

    async def _send(self, method: str, target: str, data: bytes | None, headers: dict[str, str]) -> HttpAnswer:
        """Each worker is tried once, beginning with who answered last."""
        failures: list[str] = []
        for _ in self._clients:
            try:
                return await self._clients[self._at].send(method, target, data, headers, timeout_s=120.0)
            except UnreachableError as error:
                failures.append(str(error))
                self._at = (self._at + 1) % len(self._clients)
            except HttpError as error:
                raise ConnectorsError(str(error)) from None
        raise ConnectorsError("; ".join(failures))


def path_of(name: str, *parts: str) -> str:
    return "/".join(["/connectors", quote(name, safe=""), *parts])


async def list_connectors(api: ConnectApi) -> list[ConnectorSummary]:
    found = await api.ask("GET", "/connectors?expand=status")
    return [_summary(name, entry.get("status") or {}) for name, entry in sorted(found.items())]


def _summary(name: str, status: Mapping[str, Any]) -> ConnectorSummary:
    connector = status.get("connector", {})
    counts: dict[str, int] = {}
    for task in status.get("tasks", []):
        counts[task["state"]] = counts.get(task["state"], 0) + 1
    tasks = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none"
    state, worker = str(connector.get("state", "-")), str(connector.get("worker_id", "-"))
    return ConnectorSummary(name, str(status.get("type", "-")), state, worker, tasks)


def read_connector(path: Path) -> tuple[str | None, dict[str, str]]:
    """Name and configuration of a `.properties` file, a JSON object of them, or what POST /connectors takes.

    `ConnectorFileError`.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConnectorFileError(f"{path}: {reason}") from error
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = parse_properties(text)
        except ValueError as error:
            raise ConnectorFileError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise ConnectorFileError(f"{path}: it holds no object")
    config = found["config"] if isinstance(found.get("config"), dict) else found
    name = found.get("name") or config.get("name")
    return (None if name is None else str(name)), {str(key): _text(value) for key, value in config.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
