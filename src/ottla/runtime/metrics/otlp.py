"""Readings as OpenTelemetry takes them: OTLP's JSON, of `opentelemetry.proto.collector.metrics.v1`. Pure.

A counter is a monotonic cumulative sum since the process began, a gauge a gauge, a summary a summary. Names and labels
stay those that Prometheus knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.runtime.metrics.metric import Kind, Metric, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.runtime.metrics.metric import Reading

CUMULATIVE: Final = 2
SCOPE: Final = "ottla"


def otlp_metrics(
    readings: Iterable[Reading], resource: Mapping[str, str], version: str, began_ns: int, now_ns: int
) -> dict[str, Any]:
    """The body of `POST /v1/metrics`. `resource`: attributes of who tells, such as `service.name`."""
    points: dict[Metric, list[dict[str, Any]]] = {}
    for metric, labels, value in readings:
        attributes = _attributes({name: text for name, text in zip(metric.labels, labels, strict=True) if text})
        point = {"attributes": attributes, "startTimeUnixNano": str(began_ns), "timeUnixNano": str(now_ns)}
        points.setdefault(metric, []).append(point | _value(value))
    scope = {"scope": {"name": SCOPE, "version": version}, "metrics": [_metric(*each) for each in points.items()]}
    return {"resourceMetrics": [{"resource": {"attributes": _attributes(resource)}, "scopeMetrics": [scope]}]}


def _metric(metric: Metric, points: list[dict[str, Any]]) -> dict[str, Any]:
    told = {"name": metric.name, "description": metric.help}
    if metric.kind is Kind.SUMMARY:
        return told | {"summary": {"dataPoints": points}}
    if metric.kind is Kind.COUNTER:
        return told | {"sum": {"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": True}}
    return told | {"gauge": {"dataPoints": points}}


def _value(value: float | Summary) -> dict[str, Any]:
    if isinstance(value, Summary):
        quantiles = [{"quantile": float(text), "value": _double(at)} for text, at in value.quantiles]
        return {"count": str(value.observed), "sum": _double(value.total), "quantileValues": quantiles}
    return {"asInt": str(int(value))} if isinstance(value, int) else {"asDouble": _double(value)}


def _double(value: float) -> float | str:
    """Protobuf's JSON has texts for what JSON cannot say."""
    if value != value:
        return "NaN"
    return value if abs(value) != float("inf") else "Infinity" if value > 0 else "-Infinity"


def _attributes(pairs: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": text}} for name, text in pairs.items()]
