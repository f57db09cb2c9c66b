"""What the console has of one cluster: clients of its brokers, of its registry and its Connect worker, and a sampler.

The clients of Kafka are three, as what waits at a broker keeps all behind it on its connection waiting: one asks and
changes, one reads messages, one samples. A tail has one of its own.
"""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING, Final

from ottla.clients.client import KafkaClient
from ottla.clients.configs import describe_configs
from ottla.clients.security import client_security
from ottla.console.operations.connectors import ConnectApi
from ottla.console.operations.registered_values import RegisteredValues
from ottla.console.web.message import ApiError, not_found
from ottla.console.web.sampling.sampler import Sampler
from ottla.protocol.errors import KafkaError
from ottla.registry.client.registry_client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.clients.configs import ConfigEntry
    from ottla.console.web.settings import ClusterSettings
    from ottla.runtime.network import Network

CLIENT_ID: Final = "ottla-console"
REQUEST_TIMEOUT_MS: Final = 20_000.0
CONFIGS_KEPT_S: Final = 10.0
CONFIGS_AT_ONCE: Final = 200
"""Topics whose configs are asked for in one request."""


class Cluster:
    """`start()`, and `await stop()`. Nothing is asked before it is needed: a cluster that is down is no matter."""

    def __init__(self, network: Network, settings: ClusterSettings, sample_interval_s: float) -> None:
        self.settings = settings
        self.name = settings.name
        self.client = KafkaClient(
            network,
            settings.bootstrap,
            client_id=CLIENT_ID,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            security=client_security(settings.properties),
        )
        self.reading = self.client.twin()
        self._tls = settings.tls.client()
        self.sampler = Sampler(self.name, self.client.twin(), sample_interval_s, settings.metrics, self._tls)
        self.keys = self._values(is_key=True)
        self.values = self._values(is_key=False)
        self._connect = {name: ConnectApi(urls, tls=self._tls) for name, urls in settings.connect.items()}
        self._configs: dict[str, dict[str, str | None]] = {}
        self._configs_at = 0.0

    def start(self) -> None:
        self.sampler.start()

    async def stop(self) -> None:
        await self.sampler.stop()
        self.client.close()
        self.reading.close()
        for api in self._connect.values():
            api.close()

    @property
    def has_sql(self) -> bool:
        return all(importlib.util.find_spec(each) is not None for each in ("duckdb", "pyarrow", "sqlglot", "msgspec"))

    @property
    def registry(self) -> RegistryClient:
        """A new one, that remembers nothing: subjects are deleted and made anew. `ApiError(404)`: there is none."""
        if self.settings.registry is None:
            raise _not_configured("registry", f"cluster {self.name} has no schema registry")
        return RegistryClient(self.settings.registry, tls=self._tls)

    @property
    def optional_registry(self) -> RegistryClient | None:
        return None if self.settings.registry is None else self.registry

    def connect(self, group: str) -> ConnectApi:
        """`ApiError(404)`: there is no such group of workers."""
        if not self._connect:
            raise _not_configured("connect", f"cluster {self.name} has no Connect worker")
        found = self._connect.get(group)
        if found is None:
            text = f"cluster {self.name} has no Connect workers '{group}'"
            raise not_found(text, f"there are {', '.join(self._connect)}")
        return found

    @property
    def connect_group(self) -> str:
        """The first; empty where there is none."""
        return next(iter(self._connect), "")

    def _values(self, *, is_key: bool) -> RegisteredValues | None:
        """Ids of schemas never change, so what reads by them is kept."""
        registry = self.optional_registry
        return None if registry is None else RegisteredValues(registry, is_key=is_key)

    async def topic_configs(self, names: Iterable[str]) -> dict[str, dict[str, str | None]]:
        """Key to value of each topic, at most `CONFIGS_KEPT_S` old; those that may not be told are left out."""
        if time.monotonic() - self._configs_at > CONFIGS_KEPT_S:
            self.forget_configs()
        missing = [name for name in names if name not in self._configs]
        for start in range(0, len(missing), CONFIGS_AT_ONCE):
            part = missing[start : start + CONFIGS_AT_ONCE]
            for name, entries in (await describe_configs(self.client, "topic", part)).items():
                if not isinstance(entries, KafkaError):
                    self._configs[name] = _by_name(entries)
        return {name: self._configs[name] for name in names if name in self._configs}

    def forget_configs(self) -> None:
        """After a change."""
        self._configs.clear()
        self._configs_at = time.monotonic()


def _by_name(entries: Iterable[ConfigEntry]) -> dict[str, str | None]:
    return {entry.name: entry.value for entry in entries if not entry.sensitive}


def _not_configured(option: str, message: str) -> ApiError:
    return ApiError(404, "NOT_CONFIGURED", message, f"start the console with --{option} URL, or say so in its config")
