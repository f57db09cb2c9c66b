"""GetTelemetrySubscriptions (71): a client asks which of its metrics are wanted, and how often.

| version | what changed                               | KIP |
|---------|--------------------------------------------|-----|
| 0       |                                            | 714 |

As in Apache Kafka it is answered always, and advertised only where somebody receives metrics.
"""

from ottla.broker.client_metrics import ClientMetrics
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record_batch import CompressionType
from ottla.protocol.types import ZERO_UUID

ACCEPTED = (CompressionType.ZSTD, CompressionType.LZ4, CompressionType.GZIP, CompressionType.SNAPPY)
"""What a client should take first comes first."""


class GetTelemetrySubscriptionsHandler:
    def __init__(self, metrics: ClientMetrics) -> None:
        self._metrics = metrics

    def __call__(
        self, context: RequestContext, request: GetTelemetrySubscriptionsRequest
    ) -> GetTelemetrySubscriptionsResponse:
        try:
            instance = self._metrics.subscribe(context, request.client_instance_id)
        except KafkaError as error:
            return GetTelemetrySubscriptionsResponse(
                error_code=error.code,
                client_instance_id=ZERO_UUID,
                subscription_id=0,
                accepted_compression_types=[],
                push_interval_ms=0,
                telemetry_max_bytes=0,
                delta_temporality=False,
                requested_metrics=[],
            )
        return GetTelemetrySubscriptionsResponse(
            error_code=ErrorCode.NONE,
            client_instance_id=instance.instance_id,
            subscription_id=instance.subscription_id,
            accepted_compression_types=list(ACCEPTED),
            push_interval_ms=instance.interval_ms,
            telemetry_max_bytes=self._metrics.max_bytes,
            delta_temporality=True,
            requested_metrics=instance.metrics,
        )
