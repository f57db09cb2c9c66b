"""What stands in a topic, read with another client than ours."""

from __future__ import annotations

import json
from typing import Any

import confluent_kafka as ck

Raw = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]


def records_of(bootstrap: str, topic: str) -> list[Raw]:
    """Key, value and headers of every record of partition 0 that is there now; none while there is no such topic."""
    consumer = ck.Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False})
    try:
        where = ck.TopicPartition(topic, 0, 0)
        if topic not in consumer.list_topics(timeout=30).topics:
            return []
        _, end = consumer.get_watermark_offsets(where, timeout=30)
        consumer.assign([where])
        found: list[Raw] = []
        while len(found) < end:
            message = consumer.poll(30)
            assert message is not None, f"{len(found)} of {end} records of {topic}"
            assert message.error() is None, message.error()
            headers: Any = message.headers() or []
            found.append((message.key(), message.value(), [(key, value) for key, value in headers]))
        return found
    finally:
        consumer.close()


def values_of(bootstrap: str, topic: str) -> list[Any]:
    """As JSON."""
    return [json.loads(value or b"null") for _, value, _ in records_of(bootstrap, topic)]
