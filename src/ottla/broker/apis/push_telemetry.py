"""PushTelemetry (72): a client pushes the metrics that it was asked for.

| version | what changed                               | KIP |
|---------|--------------------------------------------|-----|
| 0       |                                            | 714 |
"""

from ottla.broker.client_metrics import ClientMetrics
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.push_telemetry import PushTelemetryRequest, PushTelemetryResponse
from ottla.protocol.errors import ErrorCode, KafkaError


class PushTelemetryHandler:
    def __init__(self, metrics: ClientMetrics) -> None:
        self._metrics = metrics

    def __call__(self, context: RequestContext, request: PushTelemetryRequest) -> PushTelemetryResponse:
        try:
            self._metrics.push(context, request)
        except KafkaError as error:
            return PushTelemetryResponse(error_code=error.code)
        return PushTelemetryResponse(error_code=ErrorCode.NONE)
