"""Latency while a large log is compacted beside: what compaction costs those who produce and fetch meanwhile.

The workload `compaction`: both brokers get the same dirty log, which they compact at once; what is measured is the
end-to-end latency of another topic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, NewTopic

if TYPE_CHECKING:
    from bench.contender import Contender

KEYS: Final = 50_000
VALUE_BYTES: Final = 400
CONFIGS: Final = {
    "cleanup.policy": "compact",
    "segment.bytes": str(32 << 20),
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "1000",
}


def make_dirty_log(contender: Contender, topic: str, records: int) -> None:
    """A compacted topic in which most records are superseded, so that the cleaner has much to do."""
    admin = AdminClient(contender.client_config())
    admin.create_topics([NewTopic(topic, 1, 1, config=CONFIGS)])[topic].result(30)
    contender.topics.append(topic)
    producer = ck.Producer(
        {"bootstrap.servers": contender.node.address, "linger.ms": 20, "queue.buffering.max.messages": 200_000}
    )
    value = bytes(VALUE_BYTES)
    for number in range(records):
        while True:
            try:
                producer.produce(topic, key=b"%d" % (number % KEYS), value=value)
                break
            except BufferError:
                producer.poll(0.05)
    if producer.flush(60):
        raise RuntimeError(f"{contender.name} did not take the dirty log in 60 seconds")
