"""How fast replicas that catch up may be, so that a reassignment does not starve the clients (KIP-73).

    leader.replication.throttled.rate      of a broker, in bytes a second  ┐ for the replicas that the topic's
    leader.replication.throttled.replicas  of a topic: 0:1,1:2 or *        ┘ config names
    follower.…                             the same on the other side

Only replicas that are not in sync are held up; the bytes of all that are named count. Kafka's
`ReplicationQuotaManager`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from ottla.broker.quotas.rates import SampledRate

if TYPE_CHECKING:
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.time import Clock

TOPIC_RESOURCE: Final = 2
BROKER_RESOURCE: Final = 4
EVERY_REPLICA: Final = "*"
LEADER: Final = "leader"
FOLLOWER: Final = "follower"


class ReplicationQuota:
    """One side's. `names_any`: whether any replica of this broker is named."""

    def __init__(self, side: str, node_id: int, clock: Clock, *, windows: int, window_ms: float) -> None:
        self._rate_key = f"{side}.replication.throttled.rate"
        self._replicas_key = f"{side}.replication.throttled.replicas"
        self._node_id = node_id
        self._clock = clock
        self._rate = SampledRate(windows, window_ms)
        self._limit = math.inf
        self._named: dict[str, frozenset[int] | None] = {}

    def update(self, image: MetadataImage) -> None:
        """Its configs may have changed."""
        configs = image.configs
        limit = configs.of(BROKER_RESOURCE, str(self._node_id)).get(self._rate_key) or configs.of(
            BROKER_RESOURCE, ""
        ).get(self._rate_key)
        self._limit = math.inf if limit is None else max(1.0, float(limit))
        self._named = {}
        for (resource_type, topic), values in configs.by_resource.items():
            listed = values.get(self._replicas_key) if resource_type == TOPIC_RESOURCE else None
            if listed:
                self._named[topic] = self._partitions(listed)

    def _partitions(self, listed: str) -> frozenset[int] | None:
        """`None`: all of them."""
        items = [item.strip() for item in listed.split(",")]
        if EVERY_REPLICA in items:
            return None
        pairs = [item.split(":") for item in items if item.count(":") == 1]
        return frozenset(int(index) for index, broker_id in pairs if int(broker_id) == self._node_id)

    @property
    def names_any(self) -> bool:
        return bool(self._named)

    def names(self, topic: str, index: int) -> bool:
        if topic not in self._named:
            return False
        partitions = self._named[topic]
        return partitions is None or index in partitions

    @property
    def is_exceeded(self) -> bool:
        return self._limit < math.inf and self._rate.throttle_ms(self._limit, self._clock.monotonic_ms()) > 0

    def record(self, size: int) -> None:
        self._rate.record(size, self._clock.monotonic_ms())
