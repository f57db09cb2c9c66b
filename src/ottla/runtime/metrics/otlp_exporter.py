"""Tells an OpenTelemetry collector how a process does, again and again: OTLP over HTTP, as JSON.

It reads what a scrape reads. A collector that is away is tried again with the next interval: totals are cumulative, so
nothing but the resolution is lost. What cannot be told is said once in the log until it can be told again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from ottla import __version__
from ottla.runtime.http_client import HttpClient, HttpError
from ottla.runtime.metrics.otlp import otlp_metrics
from ottla.runtime.metrics.otlp_resource import SERVICE, pairs_of, resource_in
from ottla.runtime.tls_files import NO_TLS, TlsFiles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ottla.runtime.metrics.metric import Reading, Source

INTERVAL_S: Final = 60.0
TIMEOUT_S: Final = 10.0
PATH: Final = "/v1/metrics"
SLICE_READINGS: Final = 500
"""So many are read before whatever else is due has its turn."""

DEFAULT_ENDPOINT: Final = "http://127.0.0.1:4318"
ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """Where a collector is, and as whom it is told; from OpenTelemetry's own variables."""

    url: str
    """Of the metrics: with the path."""
    resource: Mapping[str, str]
    headers: Mapping[str, str]
    interval_s: float = INTERVAL_S
    tls: TlsFiles = NO_TLS
    """Of a collector by https."""

    @classmethod
    def of(cls, endpoint: str, environment: Mapping[str, str], instance: str) -> OtlpSettings:
        """`endpoint` as OTEL_EXPORTER_OTLP_ENDPOINT has it: without the path. `ValueError` says what is wrong."""
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"it must be http://HOST:PORT of a collector, such as http://127.0.0.1:4318, not {endpoint!r}"
            )
        resource = resource_in(environment, SERVICE, instance)
        interval_ms = environment.get("OTEL_METRIC_EXPORT_INTERVAL", "")
        if interval_ms and (not interval_ms.isdecimal() or not int(interval_ms)):
            raise ValueError(f"OTEL_METRIC_EXPORT_INTERVAL is a number of milliseconds, not {interval_ms!r}")
        url = endpoint if parts.path.endswith(PATH) else f"{endpoint.rstrip('/')}{PATH}"
        headers = pairs_of(environment.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
        tls = tls_in(environment, "METRICS")
        tls.client()
        return cls(url, resource, headers, int(interval_ms) / 1000 if interval_ms else INTERVAL_S, tls)


def endpoint_in(environment: Mapping[str, str]) -> str | None:
    return next((environment[name] for name in ENDPOINT_VARIABLES if environment.get(name)), None)


def tls_in(environment: Mapping[str, str], signal: str) -> TlsFiles:
    """OTEL_EXPORTER_OTLP_CERTIFICATE and its kin, those of the signal first."""

    def file(name: str) -> Path | None:
        own = environment.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}") or environment.get(f"OTEL_EXPORTER_OTLP_{name}")
        return Path(own) if own else None

    return TlsFiles(file("CLIENT_CERTIFICATE"), file("CLIENT_KEY"), file("CERTIFICATE"))


class Observed(Protocol):
    """What is told: the server of metrics, whether it is open or not."""

    sources: list[Source]
    refresh: Callable[[], Awaitable[None]] | None


class OtlpExporter:
    """`start()`, then `await stop()`, which tells a last time."""

    def __init__(self, settings: OtlpSettings, observed: Observed) -> None:
        self.failures = 0
        """How often in a row the collector did not take it."""
        self._settings = settings
        self._observed = observed
        parts = urlsplit(settings.url)
        self._client = HttpClient(f"{parts.scheme}://{parts.netloc}", tls=settings.tls.client())
        self._path = parts.path
        self._began_ns = time.time_ns()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self._tell_forever())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            await self.tell()
        self._client.close()

    async def _tell_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.interval_s)
            await self.tell()

    async def tell(self) -> None:
        """Once, now."""
        if self._observed.refresh is not None:
            await self._observed.refresh()
        readings: list[Reading] = []
        for source in list(self._observed.sources):
            for reading in source():
                readings.append(reading)
                if not len(readings) % SLICE_READINGS:
                    await asyncio.sleep(0)
        told = otlp_metrics(readings, self._settings.resource, __version__, self._began_ns, time.time_ns())
        headers = {"Content-Type": "application/json", **self._settings.headers}
        try:
            body = json.dumps(told, separators=(",", ":")).encode()
            answer = await self._client.send("POST", self._path, body, headers, timeout_s=TIMEOUT_S)
        except HttpError as error:
            self._failed(str(error))
            return
        if answer.status >= 300:
            self._failed(f"it answers {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}")
            return
        if self.failures:
            _log.warning("the collector at %s takes metrics again", self._settings.url)
        self.failures = 0

    def _failed(self, why: str) -> None:
        if not self.failures:
            _log.warning("the collector at %s does not take metrics: %s", self._settings.url, why)
        self.failures += 1


def own_settings(endpoint: str, instance: str) -> OtlpSettings:
    """Of this process. An empty endpoint is that of the environment, or this machine's. `ValueError`."""
    return OtlpSettings.of(endpoint or endpoint_in(os.environ) or DEFAULT_ENDPOINT, os.environ, instance)
