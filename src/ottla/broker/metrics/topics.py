"""What goes into and out of topics on this node. Kafka's `BrokerTopicMetrics`.

Without the label `topic` it is all topics together, internal ones and those that are gone included. As in Kafka, only
leaders count what comes in, and coordinators' own records are among it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.broker.replica.traffic import Traffic
from ottla.runtime.metrics.metric import counter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.broker.node_view import NodeView
    from ottla.runtime.metrics.metric import Metric, Reading

_PREFIX: Final = "kafka_server_brokertopicmetrics_"
_MBEAN: Final = "kafka.server:type=BrokerTopicMetrics,name="


def _of_topic(name: str, text: str, mbean: str) -> Metric:
    return counter(f"{_PREFIX}{name}_total", text, "topic", mbean=_MBEAN + mbean)


MESSAGES_IN = _of_topic("messagesin", "Records that were appended by leaders.", "MessagesInPerSec")
BYTES_IN = _of_topic("bytesin", "Bytes of batches that were appended by leaders.", "BytesInPerSec")
BYTES_OUT = _of_topic("bytesout", "Bytes that were given to consumers.", "BytesOutPerSec")
BYTES_REJECTED = _of_topic("bytesrejected", "Bytes of batches that were too large.", "BytesRejectedPerSec")
PRODUCE_REQUESTS = _of_topic(
    "totalproducerequests", "Batches that leaders were asked to append.", "TotalProduceRequestsPerSec"
)
FAILED_PRODUCE_REQUESTS = _of_topic(
    "failedproducerequests", "Batches that were refused for what is wrong with them.", "FailedProduceRequestsPerSec"
)
FETCH_REQUESTS = _of_topic(
    "totalfetchrequests", "How often a partition was read for a fetch.", "TotalFetchRequestsPerSec"
)
FAILED_FETCH_REQUESTS = _of_topic(
    "failedfetchrequests", "Reads for a fetch that the disk failed.", "FailedFetchRequestsPerSec"
)
REPLICATION_BYTES_IN = counter(
    f"{_PREFIX}replicationbytesin_total",
    "Bytes that were fetched from leaders elsewhere.",
    mbean=_MBEAN + "ReplicationBytesInPerSec",
)
REPLICATION_BYTES_OUT = counter(
    f"{_PREFIX}replicationbytesout_total",
    "Bytes that were given to followers.",
    mbean=_MBEAN + "ReplicationBytesOutPerSec",
)
ISR_EXPANDS = counter(
    "kafka_server_replicamanager_isrexpands_total",
    "Followers that came into sync, of leaders here.",
    mbean="kafka.server:type=ReplicaManager,name=IsrExpandsPerSec",
)
ISR_SHRINKS = counter(
    "kafka_server_replicamanager_isrshrinks_total",
    "Times that followers fell out of sync, of leaders here.",
    mbean="kafka.server:type=ReplicaManager,name=IsrShrinksPerSec",
)
FAILED_ISR_UPDATES = counter(
    "kafka_server_replicamanager_failedisrupdates_total",
    "Changes of the in-sync replicas that the controller refused.",
    mbean="kafka.server:type=ReplicaManager,name=FailedIsrUpdatesPerSec",
)

METRICS = (
    MESSAGES_IN,
    BYTES_IN,
    BYTES_OUT,
    BYTES_REJECTED,
    PRODUCE_REQUESTS,
    FAILED_PRODUCE_REQUESTS,
    FETCH_REQUESTS,
    FAILED_FETCH_REQUESTS,
    REPLICATION_BYTES_IN,
    REPLICATION_BYTES_OUT,
    ISR_EXPANDS,
    ISR_SHRINKS,
    FAILED_ISR_UPDATES,
)

_BY_TOPIC: Final[tuple[tuple[Metric, str], ...]] = (
    (MESSAGES_IN, "records_in"),
    (BYTES_IN, "bytes_in"),
    (BYTES_OUT, "bytes_out"),
    (BYTES_REJECTED, "bytes_rejected"),
    (PRODUCE_REQUESTS, "appends"),
    (FAILED_PRODUCE_REQUESTS, "failed_appends"),
    (FETCH_REQUESTS, "fetches"),
    (FAILED_FETCH_REQUESTS, "failed_fetches"),
)
_OF_ALL: Final[tuple[tuple[Metric, str], ...]] = (
    (REPLICATION_BYTES_IN, "replication_bytes_in"),
    (REPLICATION_BYTES_OUT, "replication_bytes_out"),
    (ISR_EXPANDS, "isr_expands"),
    (ISR_SHRINKS, "isr_shrinks"),
    (FAILED_ISR_UPDATES, "failed_isr_updates"),
)


def read_topics(view: NodeView) -> Iterator[Reading]:
    """A topic has the metrics of what has ever happened to it here."""
    if view.parts is None:
        return
    replicas = view.parts.replicas
    total = Traffic()
    total.add(replicas.past)
    for topic in list(replicas.by_name.values()):
        traffic = topic.traffic()
        total.add(traffic)
        for metric, name in _BY_TOPIC:
            value = getattr(traffic, name)
            if value:
                yield metric, (topic.name,), value
    for metric, name in _BY_TOPIC:
        yield metric, ("",), getattr(total, name)
    for metric, name in _OF_ALL:
        yield metric, (), getattr(total, name)
