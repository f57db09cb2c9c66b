"""Client metrics subscriptions and what clients push (KIP-714)."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.controllers import context, sent
from tests.unit.broker.replicas import ManualClock

from ottla.broker import client_metrics
from ottla.broker.apis.get_telemetry_subscriptions import GetTelemetrySubscriptionsHandler
from ottla.broker.apis.push_telemetry import PushTelemetryHandler
from ottla.broker.client_metrics import ClientMetrics
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE
from ottla.protocol.api.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)
from ottla.protocol.api.push_telemetry import PushTelemetryRequest
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.types import uuid_text

if TYPE_CHECKING:
    from ottla.broker.request_context import RequestContext

MAX_BYTES = 1000


class Telemetry:
    """A broker's side of it, with its metadata."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.received: list[bytes] = []
        self._image = EMPTY_IMAGE
        self._ids = 0
        self.metrics = ClientMetrics(self.clock, self._new_id, MAX_BYTES, [self._receive])

    def _new_id(self) -> bytes:
        self._ids += 1
        return bytes(15) + bytes([100 + self._ids])

    def _receive(self, context: RequestContext, instance_id: bytes, metrics: bytes) -> None:
        self.received.append(metrics)

    def configure(self, subscription: str, **configs: str | None) -> None:
        delta = MetadataDelta(self._image)
        for name, value in configs.items():
            key = name.replace("_", ".")
            delta.replay(ConfigRecord(resource_type=16, resource_name=subscription, name=key, value=value))
        self._image = delta.apply(offset=1, epoch=1, timestamp_ms=1)
        self.metrics.on_metadata(delta, self._image)

    def subscribe(self, instance_id: bytes = bytes(16)) -> GetTelemetrySubscriptionsResponse:
        request = GetTelemetrySubscriptionsRequest(client_instance_id=instance_id)
        return GetTelemetrySubscriptionsHandler(self.metrics)(*sent(request, 0))

    def push(
        self,
        to: GetTelemetrySubscriptionsResponse,
        metrics: bytes = b"",
        *,
        compression: int = 0,
        subscription_id: int | None = None,
        terminating: bool = False,
    ) -> int:
        request = PushTelemetryRequest(
            client_instance_id=to.client_instance_id,
            subscription_id=to.subscription_id if subscription_id is None else subscription_id,
            terminating=terminating,
            compression_type=compression,
            metrics=metrics,
        )
        return PushTelemetryHandler(self.metrics)(*sent(request, 0)).error_code


@pytest.fixture
def telemetry() -> Telemetry:
    made = Telemetry()
    made.configure("sub", metrics="org.apache.,a.b", interval_ms="1000")
    return made


def test_without_a_subscription_nothing_is_wanted() -> None:
    answer = Telemetry().subscribe()
    assert (answer.error_code, answer.requested_metrics, answer.push_interval_ms) == (ErrorCode.NONE, [], 300_000)
    assert (answer.accepted_compression_types, answer.telemetry_max_bytes) == ([4, 3, 1, 2], MAX_BYTES)
    assert answer.delta_temporality


def test_subscriptions_are_laid_together(telemetry: Telemetry) -> None:
    telemetry.configure("other", metrics="c.d", interval_ms="500")
    answer = telemetry.subscribe()
    assert (answer.requested_metrics, answer.push_interval_ms) == (["org.apache.", "a.b", "c.d"], 500)
    telemetry.configure("every", metrics="*")
    assert telemetry.subscribe().requested_metrics == ["*"]
    telemetry.configure("every", metrics=None)
    assert telemetry.subscribe().requested_metrics == ["org.apache.", "a.b", "c.d"]


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ("client_id=te.*", True),
        ("client_id=te", False),
        ("client_source_address=127\\..*,client_source_port=1", True),
        ("client_software_name=unknown,client_id=x", False),
        (f"client_instance_id={uuid_text(bytes(15) + bytes([101]))}", True),
    ],
)
def test_who_is_meant(match: str, matches: bool) -> None:
    telemetry = Telemetry()
    telemetry.configure("sub", metrics="a.b", match=match)
    assert telemetry.subscribe().requested_metrics == (["a.b"] if matches else [])


def test_metrics_are_received(telemetry: Telemetry) -> None:
    me = telemetry.subscribe()
    assert telemetry.push(me, b"otlp") == ErrorCode.NONE
    telemetry.clock.ms += 1000
    assert telemetry.push(me, gzip.compress(b"more"), compression=1) == ErrorCode.NONE
    assert telemetry.received == [b"otlp", b"more"]


def test_who_comes_too_early_is_told(telemetry: Telemetry) -> None:
    me = telemetry.subscribe()
    assert telemetry.subscribe(me.client_instance_id).error_code == ErrorCode.THROTTLING_QUOTA_EXCEEDED
    telemetry.clock.ms += 1
    assert telemetry.push(me) == ErrorCode.NONE
    telemetry.clock.ms += 999
    assert telemetry.push(me) == ErrorCode.THROTTLING_QUOTA_EXCEEDED
    assert telemetry.push(me, b"last", terminating=True) == ErrorCode.NONE
    assert telemetry.push(me, terminating=True) == ErrorCode.INVALID_REQUEST
    assert telemetry.received == [b"last"]


def test_a_changed_subscription_is_asked_for_again(telemetry: Telemetry) -> None:
    me = telemetry.subscribe()
    telemetry.configure("sub", metrics="other")
    assert telemetry.push(me) == ErrorCode.UNKNOWN_SUBSCRIPTION_ID
    again = telemetry.subscribe(me.client_instance_id)
    assert (again.error_code, again.requested_metrics) == (ErrorCode.NONE, ["other"])
    assert again.subscription_id != me.subscription_id
    telemetry.clock.ms += 1000
    assert telemetry.push(again) == ErrorCode.NONE


@pytest.mark.parametrize(
    ("metrics", "compression", "code"),
    [
        (b"x", 5, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE),
        (b"x", -1, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE),
        (bytes(MAX_BYTES + 1), 0, ErrorCode.TELEMETRY_TOO_LARGE),
        (b"no gzip", 1, ErrorCode.INVALID_RECORD),
        (zlib.compress(bytes(10**5), wbits=31), 1, ErrorCode.INVALID_RECORD),  # a bomb: more than 16 times the bound
    ],
)
def test_what_is_not_taken(telemetry: Telemetry, metrics: bytes, compression: int, code: ErrorCode) -> None:
    assert telemetry.push(telemetry.subscribe(), metrics, compression=compression) == code
    assert telemetry.received == []


def test_an_id_of_nobody_is_refused(telemetry: Telemetry) -> None:
    me = telemetry.subscribe()
    me.client_instance_id = bytes(16)
    assert telemetry.push(me) == ErrorCode.INVALID_REQUEST


def test_instances_are_bounded(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_metrics, "MAX_INSTANCES", 3)
    first = telemetry.subscribe()
    request = GetTelemetrySubscriptionsRequest(client_instance_id=bytes(16))
    for _ in range(3):
        telemetry.metrics.subscribe(context(request, 0), bytes(16))
    again = telemetry.subscribe(first.client_instance_id)  # not throttled: it was forgotten
    assert again.error_code == ErrorCode.NONE
