"""What a worker asks of the one that leads: to write configurations of tasks, to fence old ones (`RestClient`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ottla.connect.api.errors import ConnectError
from ottla.runtime.http_client import HttpClient, HttpError

if TYPE_CHECKING:
    import ssl

    from ottla.connect.distributed.session_keys import SessionKeys

REQUEST_TIMEOUT_S: Final = 90.0


class LeaderClient:
    """`ConnectError` where the leader cannot be asked, or refuses."""

    def __init__(self, keys: SessionKeys, tls: ssl.SSLContext | None) -> None:
        self._keys = keys
        self._tls = tls

    async def publish_task_configs(self, url: str, connector: str, configs: list[dict[str, str]]) -> None:
        body = json.dumps(configs, separators=(",", ":"), ensure_ascii=False).encode()
        path = f"/connectors/{quote(connector, safe='')}/tasks"
        await self._ask(url, "POST", path, body, "to reconfigure connector tasks")

    async def request_fencing(self, url: str, connector: str) -> None:
        """Returns when no older task of the connector can write any more."""
        path = f"/connectors/{quote(connector, safe='')}/fence"
        await self._ask(url, "PUT", path, b"", "to fence the tasks that were")

    async def _ask(self, url: str, method: str, path: str, body: bytes, what: str) -> None:
        headers = {"Content-Type": "application/json"} | self._keys.signature(body)
        client = HttpClient(url, tls=self._tls)
        try:
            answer = await client.send(method, path, body or None, headers, timeout_s=REQUEST_TIMEOUT_S)
        except HttpError as error:
            raise ConnectError(f"Request to leader {what} failed: {error}") from error
        finally:
            client.close()
        if answer.status >= 300:
            text = answer.body.decode("utf-8", "replace")
            raise ConnectError(f"Request to leader {what} failed: {answer.status} {text}")
