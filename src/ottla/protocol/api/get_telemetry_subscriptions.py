"""GetTelemetrySubscriptions, API 71: version 0.

KIP-714 (0).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int8, Int16, Int32, Uuid


class GetTelemetrySubscriptionsRequest(Request, api=71, versions="0", flexible="0+"):
    """A client asks which of its metrics the broker wants."""

    client_instance_id: Uuid


class GetTelemetrySubscriptionsResponse(Response, api=71, versions="0", flexible="0+"):
    """The subscription: metrics, interval, compression."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    client_instance_id: Uuid
    subscription_id: Int32
    accepted_compression_types: list[Int8]
    push_interval_ms: Int32
    telemetry_max_bytes: Int32
    delta_temporality: bool
    requested_metrics: list[str]
