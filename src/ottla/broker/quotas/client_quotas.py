"""The quotas of users and client ids, and what each has used of them. Only there while any quota is set.

    (user, client id) > (user, any) > (user) > (any user, client id) > (any, any) > (any user) > (client id) > (any)

The first of these that has a quota counts; "any" is the default entity, which gives everyone a quota of their own. A
quota of a user is shared by its client ids, one of a client id by its users. KIP-13, 55, 124, 546, 599; Kafka's
`ClientQuotaManager`, `ControllerMutationQuotaManager`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.broker.quotas.rates import SampledRate, TokenBucket
from ottla.metadata.controller.client_quotas import CLIENT_ID, IP, USER

if TYPE_CHECKING:
    from ottla.broker.request_context import RequestContext
    from ottla.metadata.client_quotas import ClientQuotasImage, QuotaEntity
    from ottla.runtime.time import Clock

MAX_BUCKETS: Final = 50_000
"""Users and clients whose use is remembered at most; then all begin anew."""

PRODUCER_BYTE_RATE: Final = "producer_byte_rate"
CONSUMER_BYTE_RATE: Final = "consumer_byte_rate"
REQUEST_PERCENTAGE: Final = "request_percentage"
CONTROLLER_MUTATION_RATE: Final = "controller_mutation_rate"
CONNECTION_CREATION_RATE: Final = "connection_creation_rate"

Bucket: TypeAlias = tuple[str, str | None, str | None]
"""(quota, user, client id): who shares what."""


@dataclass(frozen=True, slots=True)
class QuotaWindows:
    """`quota.window.num`, `.size.seconds`; `controller.quota.window.num`, `.size.seconds`."""

    count: int = 11
    size_ms: float = 1000.0
    controller_count: int = 11
    controller_size_ms: float = 1000.0


class ClientQuotas:
    def __init__(self, clock: Clock, windows: QuotaWindows) -> None:
        self._clock = clock
        self._windows = windows
        self.image: ClientQuotasImage | None = None
        self._limits: dict[tuple[str, str | None, str | None], tuple[float, Bucket] | None] = {}
        self._rates: dict[Bucket, SampledRate] = {}
        self._buckets: dict[Bucket, TokenBucket] = {}

    def update(self, image: ClientQuotasImage) -> bool:
        """Take new quotas; whether there are any of clients."""
        self.image = image
        self._limits.clear()
        return any(kind in (USER, CLIENT_ID) for entity in image.by_entity for kind, _ in entity)

    @property
    def connection_rates(self) -> dict[str | None, float]:
        """`connection_creation_rate` by address; `None`: of each address that has none of its own (KIP-612)."""
        by_entity = {} if self.image is None else self.image.by_entity
        return {
            None if address is None else str(ipaddress.ip_address(address)): values[CONNECTION_CREATION_RATE]
            for ((kind, address), *_), values in by_entity.items()
            if kind == IP and CONNECTION_CREATION_RATE in values
        }

    def used(self, quota: str, context: RequestContext, amount: float) -> int:
        """Count what was used; how long, in milliseconds, its user is to wait."""
        found = self._limit(quota, context)
        if found is None:
            return 0
        per_second, bucket = found
        rate = self._rates.get(bucket)
        if rate is None:
            if len(self._rates) >= MAX_BUCKETS:
                self._rates.clear()
            rate = self._rates[bucket] = SampledRate(self._windows.count, self._windows.size_ms)
        now_ms = self._clock.monotonic_ms()
        rate.record(amount, now_ms)
        return rate.throttle_ms(per_second, now_ms)

    def most_at_once(self, quota: str, context: RequestContext) -> float | None:
        """As much as the quota lets pass in all its windows: no answer should have more. `None`: there is no quota."""
        found = self._limit(quota, context)
        return None if found is None else found[0] * (self._windows.count - 1) * self._windows.size_ms / 1000

    def mutation_bucket(self, context: RequestContext) -> Mutations | None:
        """What a request may change of the metadata; `None`: as much as it wants."""
        found = self._limit(CONTROLLER_MUTATION_RATE, context)
        if found is None:
            return None
        per_second, key = found
        burst = per_second * self._windows.controller_count * self._windows.controller_size_ms / 1000
        now_ms = self._clock.monotonic_ms()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.clear()
            bucket = self._buckets[key] = TokenBucket(burst, now_ms)
        return Mutations(bucket, per_second, burst, now_ms)

    def _limit(self, quota: str, context: RequestContext) -> tuple[float, Bucket] | None:
        user = context.connection.principal.partition(":")[2]
        client_id = context.client_id or ""
        key = (quota, user, client_id)
        if key not in self._limits:
            if len(self._limits) >= MAX_BUCKETS:
                self._limits.clear()
            self._limits[key] = self._look_up(quota, user, client_id)
        return self._limits[key]

    def _look_up(self, quota: str, user: str, client_id: str) -> tuple[float, Bucket] | None:
        if self.image is None:
            return None
        by_entity = self.image.by_entity
        for named_user in (user, None):
            for entity, bucket in _entities(quota, user, client_id, named_user):
                value = by_entity.get(entity, {}).get(quota)
                if value is not None:
                    return value, bucket
        for name in (client_id, None):
            value = by_entity.get(((CLIENT_ID, name),), {}).get(quota)
            if value is not None:
                return value, (quota, None, client_id)
        return None


def _entities(quota: str, user: str, client_id: str, named_user: str | None) -> tuple[tuple[QuotaEntity, Bucket], ...]:
    """Of one user, or of the default one: with the client id, with the default one, alone."""
    both = (quota, user, client_id)
    return (
        (((CLIENT_ID, client_id), (USER, named_user)), both),
        (((CLIENT_ID, None), (USER, named_user)), both),
        (((USER, named_user),), (quota, user, None)),
    )


class Mutations:
    """One request's way through a token bucket (KIP-599)."""

    __slots__ = ("_bucket", "_per_second", "_tokens", "_waits")

    def __init__(self, bucket: TokenBucket, per_second: float, burst: float, now_ms: float) -> None:
        self._bucket = bucket
        self._per_second = per_second
        self._tokens = bucket.fill(per_second, burst, now_ms)
        self._waits = False

    def take(self, count: int, *, strict: bool) -> bool:
        """Whether `count` changes may be made; strictly, none while the bucket is below zero."""
        if strict and self._tokens < 0:
            self._waits = True
            return False
        self._bucket.take(count)
        self._tokens -= count
        self._waits = self._waits or not strict
        return True

    @property
    def throttle_ms(self) -> int:
        """Who takes the last and more is told nothing, if he understands a refusal the next time."""
        return self._bucket.throttle_ms(self._per_second) if self._waits else 0
