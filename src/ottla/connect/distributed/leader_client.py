"""What a worker asks of the one that leads: to write configurations of tasks, to fence old ones (`RestClient`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ottla.connect.api.errors import ConnectError
from ottla.connect.distributed.session_key import sign
from ottla.runtime.http_client import HttpClient, HttpError

if TYPE_CHECKING:
    import ssl

    from ottla.connect.store.config_records import SessionKey

REQUEST_TIMEOUT_S: Final = 90.0


async def publish_task_configs(
    url: str,
    name: str,
    configs: list[dict[str, str]],
    key: SessionKey | None,
    algorithm: str,
    tls: ssl.SSLContext | None = None,
) -> None:
    """`ConnectError`."""
    body = json.dumps(configs, separators=(",", ":"), ensure_ascii=False).encode()
    path = f"/connectors/{quote(name, safe='')}/tasks"
    await _ask(url, "POST", path, body, key, algorithm, tls, "to reconfigure connector tasks")


async def request_fencing(
    url: str, name: str, key: SessionKey | None, algorithm: str, tls: ssl.SSLContext | None = None
) -> None:
    """Returns when no older task of the connector can write any more. `ConnectError`."""
    path = f"/connectors/{quote(name, safe='')}/fence"
    await _ask(url, "PUT", path, b"", key, algorithm, tls, "to fence the tasks that were")


async def _ask(
    url: str,
    method: str,
    path: str,
    body: bytes,
    key: SessionKey | None,
    algorithm: str,
    tls: ssl.SSLContext | None,
    what: str,
) -> None:
    headers = {"Content-Type": "application/json"} | ({} if key is None else sign(key, algorithm, body))
    client = HttpClient(url, tls=tls)
    try:
        answer = await client.send(method, path, body or None, headers, timeout_s=REQUEST_TIMEOUT_S)
    except HttpError as error:
        raise ConnectError(f"Request to leader {what} failed: {error}") from error
    finally:
        client.close()
    if answer.status >= 300:
        text = answer.body.decode("utf-8", "replace")
        raise ConnectError(f"Request to leader {what} failed: {answer.status} {text}")
