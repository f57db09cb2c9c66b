"""PushTelemetry, API 72: version 0.

KIP-714 (0).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int8, Int16, Int32, Uuid


class PushTelemetryRequest(Request, api=72, versions="0", flexible="0+"):
    """A client pushes its metrics in OTLP form."""

    client_instance_id: Uuid
    subscription_id: Int32
    terminating: bool
    compression_type: Int8
    metrics: bytes


class PushTelemetryResponse(Response, api=72, versions="0", flexible="0+"):
    """Whether the metrics were taken."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
