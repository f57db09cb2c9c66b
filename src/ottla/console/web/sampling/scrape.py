"""A few numbers of a broker's Prometheus metrics, Ottla's or the JMX exporter's names for Apache Kafka's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ottla.runtime.http_client import HttpClient

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

TIMEOUT_S: Final = 5.0
BODY_BYTES_MAX: Final = 16 * 1024 * 1024
COUNTERS: Final[Mapping[str, str]] = {
    "kafka_server_brokertopicmetrics_bytesin_total": "bytes_in_per_s",
    "kafka_server_brokertopicmetrics_bytesout_total": "bytes_out_per_s",
    "kafka_network_requestmetrics_requests_total": "requests_per_s",
}
GAUGES: Final[Mapping[str, str]] = {"process_resident_memory_bytes": "memory_bytes"}
NAMES: Final = (*COUNTERS.values(), *GAUGES.values())
_LINE: Final = re.compile(r"^([A-Za-z_:][\w:]*)(\{[^}]*\})?\s+(\S+)")


def wanted_of(text: str) -> dict[str, float]:
    """The sums over all labels. Where a counter has a series without a topic (of all topics), it is that one."""
    totals: dict[str, float] = {}
    whole: dict[str, float] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None or (match[1] not in COUNTERS and match[1] not in GAUGES):
            continue
        try:
            value = float(match[3])
        except ValueError:
            continue
        name = COUNTERS.get(match[1]) or GAUGES[match[1]]
        if 'topic="' in (match[2] or ""):
            totals[name] = totals.get(name, 0.0) + value
        else:
            whole[name] = whole.get(name, 0.0) + value
    return totals | whole


async def scrape(url: str, tls: ssl.SSLContext | None = None) -> dict[str, float]:
    """`HttpError`."""
    parts = urlsplit(url)
    client = HttpClient(f"{parts.scheme}://{parts.netloc}", tls=tls)
    try:
        answer = await client.send("GET", parts.path or "/metrics", timeout_s=TIMEOUT_S)
    finally:
        client.close()
    return wanted_of(answer.body[:BODY_BYTES_MAX].decode("utf-8", "replace"))


def rates(now: Mapping[str, float], before: Mapping[str, float] | None, seconds: float) -> dict[str, float | None]:
    """What is told of a broker: counters as what they grew by a second, gauges as they are."""
    found: dict[str, float | None] = {}
    for name, value in now.items():
        if name in GAUGES.values():
            found[name] = value
        elif before is not None and name in before:
            found[name] = max(0.0, value - before[name]) / seconds
    return found
