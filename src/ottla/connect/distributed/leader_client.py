"""What a worker asks of the one that leads: to write the configurations of tasks (`RestClient`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from ottla.connect.api.errors import ConnectError
from ottla.connect.distributed.session_key import sign
from ottla.runtime.http_client import HttpClient, HttpError

if TYPE_CHECKING:
    from ottla.connect.store.config_records import SessionKey


async def publish_task_configs(
    url: str, name: str, configs: list[dict[str, str]], key: SessionKey | None, algorithm: str
) -> None:
    """`ConnectError`."""
    body = json.dumps(configs, separators=(",", ":"), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"} | ({} if key is None else sign(key, algorithm, body))
    client = HttpClient(url)
    try:
        answer = await client.send("POST", f"/connectors/{quote(name, safe='')}/tasks", body, headers)
    except HttpError as error:
        raise ConnectError(f"Request to leader to reconfigure connector tasks failed: {error}") from error
    finally:
        client.close()
    if answer.status >= 300:
        text = answer.body.decode("utf-8", "replace")
        raise ConnectError(f"Request to leader to reconfigure connector tasks failed: {answer.status} {text}")
