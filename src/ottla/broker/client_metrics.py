"""Which of their metrics clients are asked for, and what they push. KIP-714; Kafka's `ClientMetricsManager`.

    subscription   CLIENT_METRICS config: metrics (prefixes; "*" is all), interval.ms, match (who is meant)
    instance       one client, by the id it was given: its subscription, when it last asked and pushed

A client asks for its subscription, then pushes at its interval; who comes too early is told
THROTTLING_QUOTA_EXCEEDED. When a subscription changes every client gets a new id with its next request
(UNKNOWN_SUBSCRIPTION_ID), and asks again. Pushed metrics go to the receivers; without any they are checked and dropped.
"""

from __future__ import annotations

import re
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.protocol.compression import decompress
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record_batch import CompressionType, InvalidBatchError
from ottla.runtime.config.client_metrics import CLIENT_METRICS_CONFIGS, parse_match

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.broker.request_context import RequestContext
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.api.push_telemetry import PushTelemetryRequest
    from ottla.runtime.time import Clock

    Receiver = Callable[[RequestContext, bytes, bytes], None]
    """Takes (who, its client instance id, metrics as OTLP says them, decompressed)."""

MAX_INSTANCES = 16_384
"""Clients that are remembered; the one that was seen the longest ago is forgotten first."""
MAX_DECOMPRESSED_RATIO = 16
"""Metrics may become this many times `telemetry.max.bytes`. Kafka's receivers have no bound."""
DEFAULT_INTERVAL_MS = 300_000
EVERY_METRIC = "*"
ZERO_UUID = bytes(16)
RESERVED_IDS = (ZERO_UUID, bytes(15) + b"\x01")

_GET_AT_ONCE_AFTER = (ErrorCode.UNKNOWN_SUBSCRIPTION_ID, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
_NEVER = -(2**62)


@dataclass(frozen=True, slots=True)
class _Subscription:
    metrics: tuple[str, ...]
    interval_ms: int
    match: Sequence[tuple[str, re.Pattern[str]]]


@dataclass(slots=True)
class ClientInstance:
    instance_id: bytes
    subscription_id: int
    metrics: list[str]
    interval_ms: int
    subscriptions_version: int
    """Of `ClientMetrics` when this was worked out."""
    last_get_ms: int = _NEVER
    last_push_ms: int = _NEVER
    terminating: bool = False
    last_error: ErrorCode = ErrorCode.NONE


class ClientMetrics:
    def __init__(
        self, clock: Clock, new_uuid: Callable[[], bytes], max_bytes: int, receivers: Sequence[Receiver] = ()
    ) -> None:
        self.max_bytes = max_bytes
        """`telemetry.max.bytes`: of one push, as it came."""
        self.receivers = receivers
        self._clock = clock
        self._new_uuid = new_uuid
        self._subscriptions: dict[str, _Subscription] = {}
        self._version = 0
        self._instances: OrderedDict[bytes, ClientInstance] = OrderedDict()

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        for resource_type, name in delta.changed_configs:
            if resource_type != ConfigResourceType.CLIENT_METRICS:
                continue
            configs = image.configs.of(resource_type, name)
            if configs:
                self._subscriptions[name] = _parse(configs)
            else:
                self._subscriptions.pop(name, None)
            self._version += 1

    def subscribe(self, context: RequestContext, instance_id: bytes) -> ClientInstance:
        """What a client is to push. Raises `KafkaError`: it asked too early."""
        instance = self._instance(context, self._new_uuid() if instance_id == ZERO_UUID else instance_id)
        now_ms = self._clock.now_ms()
        if now_ms - max(instance.last_get_ms, instance.last_push_ms) >= instance.interval_ms:
            instance.last_get_ms = now_ms
        elif instance.last_error not in _GET_AT_ONCE_AFTER:
            raise KafkaError(ErrorCode.THROTTLING_QUOTA_EXCEEDED)
        instance.last_error = ErrorCode.NONE
        return instance

    def push(self, context: RequestContext, request: PushTelemetryRequest) -> None:
        """Raises `KafkaError`: the metrics were not taken."""
        if request.client_instance_id in RESERVED_IDS:
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        instance = self._instance(context, request.client_instance_id)
        try:
            self._check(instance, request)
            self._receive(context, request)
        except KafkaError as error:
            instance.last_error = error.code
            raise
        instance.last_error = ErrorCode.NONE

    def _check(self, instance: ClientInstance, request: PushTelemetryRequest) -> None:
        if instance.terminating:
            raise KafkaError(ErrorCode.INVALID_REQUEST)
        now_ms = self._clock.now_ms()
        may_push = instance.last_get_ms > instance.last_push_ms
        if may_push or now_ms - instance.last_push_ms >= instance.interval_ms:
            instance.last_push_ms = now_ms
        elif not request.terminating:
            raise KafkaError(ErrorCode.THROTTLING_QUOTA_EXCEEDED)
        if request.subscription_id != instance.subscription_id:
            raise KafkaError(ErrorCode.UNKNOWN_SUBSCRIPTION_ID)
        if request.compression_type not in CompressionType.__members__.values():
            raise KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
        if len(request.metrics) > self.max_bytes:
            raise KafkaError(ErrorCode.TELEMETRY_TOO_LARGE)
        instance.terminating = request.terminating

    def _receive(self, context: RequestContext, request: PushTelemetryRequest) -> None:
        if not request.metrics:
            return
        compression = CompressionType(request.compression_type)
        try:
            metrics = bytes(decompress(compression, request.metrics, self.max_bytes * MAX_DECOMPRESSED_RATIO))
        except InvalidBatchError as error:
            raise KafkaError(ErrorCode.INVALID_RECORD) from error
        for receiver in self.receivers:
            receiver(context, request.client_instance_id, metrics)

    def _instance(self, context: RequestContext, instance_id: bytes) -> ClientInstance:
        instance = self._instances.get(instance_id)
        if instance is None or instance.subscriptions_version < self._version:
            instance = self._instances[instance_id] = self._make_instance(context, instance_id)
        self._instances.move_to_end(instance_id)
        if len(self._instances) > MAX_INSTANCES:
            self._instances.popitem(last=False)
        return instance

    def _make_instance(self, context: RequestContext, instance_id: bytes) -> ClientInstance:
        matching = [one for one in self._subscriptions.values() if _matches(one, context, instance_id)]
        metrics = list(dict.fromkeys(name for one in matching for name in one.metrics))
        if EVERY_METRIC in metrics:
            metrics = [EVERY_METRIC]
        interval_ms = min((one.interval_ms for one in matching), default=DEFAULT_INTERVAL_MS)
        told = f"{','.join(sorted(metrics))} {interval_ms}".encode()
        subscription_id = zlib.crc32(told, zlib.crc32(instance_id)) - 2**31
        return ClientInstance(instance_id, subscription_id, metrics, interval_ms, self._version)


def _parse(configs: Mapping[str, str]) -> _Subscription:
    """Of configs that the controller has checked."""

    def items(name: str) -> tuple[str, ...]:
        return tuple(item.strip() for item in configs.get(name, "").split(",") if item.strip())

    interval = configs.get("interval.ms")
    parsed = DEFAULT_INTERVAL_MS if interval is None else CLIENT_METRICS_CONFIGS["interval.ms"].parse(interval)
    assert isinstance(parsed, int)
    match = [(name, re.compile(pattern)) for name, pattern in map(parse_match, items("match"))]
    return _Subscription(items("metrics"), parsed, match)


def _matches(subscription: _Subscription, context: RequestContext, instance_id: bytes) -> bool:
    from ottla.protocol.types import uuid_text

    if not subscription.match:
        return True
    connection = context.connection
    said = {
        "client_instance_id": uuid_text(instance_id),
        "client_id": context.client_id or "",
        "client_software_name": connection.client_software_name,
        "client_software_version": connection.client_software_version,
        "client_source_address": connection.client_host,
        "client_source_port": str(connection.client_port),
    }
    return all(pattern.fullmatch(said[name]) for name, pattern in subscription.match)
