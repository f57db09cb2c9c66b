"""Looks at a cluster every few seconds and keeps an hour of it: rates, lag, sizes, what its brokers tell Prometheus.

A look that takes long is taken less often: at most a tenth of the time goes into looking.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from ottla.clients.errors import ClientError
from ottla.console.operations.lag_snapshot import LagSnapshot, take_snapshot
from ottla.console.operations.log_directories import describe_log_directories
from ottla.console.web.sampling.rates import values_of
from ottla.console.web.sampling.ring import Ring
from ottla.console.web.sampling.scrape import rates, scrape
from ottla.protocol.errors import KafkaError, ProtocolError
from ottla.runtime.cancellation import raise_if_cancelled
from ottla.runtime.http_client import HttpError

if TYPE_CHECKING:
    import ssl

    from ottla.clients.client import KafkaClient

_log = logging.getLogger(__name__)

KEPT_S: Final = 3_600
SERIES_MAX: Final = 10_000
GROUPS_MAX: Final = 1_000
"""Groups that are looked at."""
SIZES_EVERY: Final = 6
"""Samples."""
SHARE_OF_TIME: Final = 10


class Sampler:
    """`client` is its own. `start()`, and `stop()`."""

    def __init__(
        self,
        name: str,
        client: KafkaClient,
        interval_s: float,
        metrics: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`metrics`: URLs; `tls`: how those of https are asked."""
        self._name = name
        self._client = client
        self.interval_s = interval_s
        self._metrics = metrics
        self._tls = tls
        self.ring = Ring(max(2, int(KEPT_S / interval_s)), SERIES_MAX)
        self.last: LagSnapshot | None = None
        self.last_at = 0.0
        """By the monotonic clock."""
        self.sizes: dict[str, int] | None = None
        """Bytes of each topic, one copy of it."""
        self.failure: str | None = None
        """Why the last look failed."""
        self._told: dict[str, dict[str, float]] = {}
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._client.close()

    async def fresh(self, max_age_s: float) -> LagSnapshot:
        """The last look, or a new one. `KafkaError`, `ClientError`."""
        async with self._looking:
            if self.last is None or time.monotonic() - self.last_at > max_age_s:
                await self._look()
        assert self.last is not None
        return self.last

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                async with self._looking:
                    await self._look()
                self.failure = None
            except (KafkaError, ClientError, ProtocolError, OSError) as error:
                raise_if_cancelled()
                if self.failure is None:
                    _log.warning("Cluster %s cannot be looked at: %s", self._name, error)
                self.failure = str(error)
            except Exception:  # a bug of ours: it must not end the looking
                raise_if_cancelled()
                _log.exception("Looking at cluster %s", self._name)
            took = time.monotonic() - began
            await asyncio.sleep(max(self.interval_s - took, took * SHARE_OF_TIME - took, 0.1))

    async def _look(self) -> None:
        await self._client.any_connection()  # says at once that there is none; what follows tries again and again
        now = await take_snapshot(self._client, groups_max=GROUPS_MAX)
        if self._count % SIZES_EVERY == 0:
            self.sizes = await self._sizes()
        self._count += 1
        at = time.monotonic()
        seconds = max(at - self.last_at, 0.001)
        values = values_of(now, self.last, seconds, self.sizes)
        for number, url in enumerate(self._metrics, 1):
            with contextlib.suppress(HttpError):
                told = await scrape(url, self._tls)
                for name, value in rates(told, self._told.get(url), seconds).items():
                    values["broker", str(number), name] = value
                self._told[url] = told
        self.ring.record(int(time.time() * 1000), values)
        self.last, self.last_at = now, at

    async def _sizes(self) -> dict[str, int] | None:
        try:
            replicas, _ = await describe_log_directories(self._client)
        except (KafkaError, ClientError):
            return None  # not everybody may ask for them
        return topic_sizes(self._client, [(r.topic, r.partition, r.broker, r.size_bytes) for r in replicas])


def topic_sizes(client: KafkaClient, replicas: list[tuple[str, int, int, int]]) -> dict[str, int]:
    """Of (topic, partition, broker, bytes): a copy of each topic, its leaders' as far as they are known."""
    best: dict[tuple[str, int], tuple[bool, int]] = {}
    for topic, partition, broker, size_bytes in replicas:
        known = client.metadata.topics.get(topic)
        leader = known.partitions[partition].leader if known and partition in known.partitions else -1
        best[topic, partition] = max(best.get((topic, partition), (False, 0)), (broker == leader, size_bytes))
    sizes: Counter[str] = Counter()
    for (topic, _), (_, size_bytes) in best.items():
        sizes[topic] += size_bytes
    return dict(sizes)
