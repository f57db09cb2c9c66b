"""A registry without a cluster: the log is a list. What is stored goes through its bytes, as it would in `_schemas`."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ottla.registry.election import Identity
from ottla.registry.rest.application import Application
from ottla.registry.settings import RegistrySettings
from ottla.registry.store.catalog import Catalog
from ottla.registry.store.records import decode_key, decode_value, encode_key, encode_value
from ottla.registry.store.state import RegistryState

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.registry.registry import Registry
    from ottla.registry.rest.access import Access
    from ottla.registry.store.decision import Decision

T = TypeVar("T")


class MemoryRegistry:
    def __init__(self, access: Access | None = None) -> None:
        self.settings = RegistrySettings("nowhere:9092", access=access)
        self.identity = self.leader = Identity("127.0.0.1", 8081)
        self.is_leader = True
        self.cluster_id = "a-cluster"
        self.log: list[tuple[bytes, bytes | None]] = []
        self.state = RegistryState()
        self.catalog = Catalog(self.state)

    async def wait_for_leader(self) -> None:
        pass

    async def submit(self, decide: Callable[[], Decision[T]]) -> T:
        decision = decide()
        for key, value in decision.records:
            self.append(encode_key(key), encode_value(key, value) if value is not None else None)
        return decision.response

    def append(self, key: bytes, value: bytes | None) -> None:
        self.log.append((key, value))
        decoded = decode_key(key)
        if decoded is not None and (value is None or decode_value(decoded, value) is not None):
            self.state.replay(decoded, decode_value(decoded, value))

    def restarted(self) -> MemoryRegistry:
        """Another one that reads the same log."""
        other = MemoryRegistry()
        for key, value in self.log:
            other.append(key, value)
        return other

    def compacted(self) -> MemoryRegistry:
        """Another one that reads what compaction left: the last record of each key."""
        last = {key: at for at, (key, _) in enumerate(self.log)}
        other = MemoryRegistry()
        for at, (key, value) in enumerate(self.log):
            if last[key] == at:
                other.append(key, value)
        return other


class Client:
    """Calls the application as a server would."""

    def __init__(self, registry: MemoryRegistry | None = None, user: tuple[str, str] | None = None) -> None:
        self.registry = registry or MemoryRegistry()
        self.application = Application(cast("Registry", self.registry))
        self.headers: dict[str, str] = {}
        self.answered: dict[str, str] = {}
        """The headers of the last answer."""
        if user is not None:
            self.headers["authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode()

    def call(self, method: str, target: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and body; a body that is not JSON as text."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        path, _, query = target.partition("?")
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        if data:
            sent.setdefault("content-type", "application/json")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        answers: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": data}

        async def send(message: Any) -> None:
            answers.append(message)

        asyncio.run(self.application(scope, receive, send))
        start, end = answers
        self.answered = {name.decode(): value.decode() for name, value in start["headers"]}
        text = end["body"].decode()
        try:
            return start["status"], json.loads(text)
        except ValueError:
            return start["status"], text

    def get(self, target: str, **headers: str) -> Any:
        status, body = self.call("GET", target, **headers)
        assert status == 200, body
        return body

    def register(self, subject: str, schema: object, **members: object) -> int:
        """The id."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        status, body = self.call("POST", f"/subjects/{subject}/versions", {"schema": text, **members})
        assert status == 200, body
        schema_id = body["id"]
        assert isinstance(schema_id, int)
        return schema_id

    def refused(self, method: str, target: str, body: object = None) -> tuple[int, int]:
        """Status and error code."""
        status, answer = self.call(method, target, body)
        assert status >= 400, answer
        return status, answer["error_code"]
