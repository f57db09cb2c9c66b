"""The key of a group: when its leader writes a new one, and requests that are signed with it (KIP-507)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ottla.connect.distributed.session_key import new_session_key, sign, verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.runtime.worker_config import WorkerConfig
    from ottla.connect.store.config_store import ConfigStore


class SessionKeys:
    def __init__(self, config: WorkerConfig, configs: ConfigStore) -> None:
        self._config = config
        self._configs = configs
        self.are_used = False
        """All of the group sign."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """`RestError` says what is wrong with the signature of a request."""
        if self.are_used:
            algorithms = self._config.names("inter.worker.verification.algorithms")
            verify(self._configs.state.session_key, algorithms, headers, body)

    def signature(self, body: bytes) -> dict[str, str]:
        """The headers of a request of this worker's; none where nobody signs, or no key is known yet."""
        key = self._configs.state.session_key
        if key is None or not self.are_used:
            return {}
        return sign(key, self._config.text("inter.worker.signature.algorithm"), body)

    def due(self) -> float | None:
        """When a leader has to write a new one, as `time.monotonic()` tells; `None`: never."""
        if not self.are_used:
            return None
        key = self._configs.state.session_key
        if key is None:
            return 0.0
        expires_ms = key.creation_timestamp + self._config.number("inter.worker.key.ttl.ms")
        return time.monotonic() + expires_ms / 1000 - time.time()

    async def renew(self) -> None:
        algorithm = self._config.text("inter.worker.key.generation.algorithm")
        await self._configs.put_session_key(new_session_key(algorithm))
