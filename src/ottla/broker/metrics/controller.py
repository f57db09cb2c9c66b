"""The cluster as a controller sees it. Kafka's `KafkaController`, `ControllerStats`.

What is in the metadata is told by every controller, whether it is the active one or not: sum over the active one, or
take the maximum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.metadata.partition import NO_LEADER, RECOVERING
from ottla.runtime.metrics.metric import counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.broker.node_view import NodeView
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.metadata.registration import BrokerRegistration
    from ottla.runtime.metrics.metric import Metric, Reading
    from ottla.runtime.time import Clock


def _of_controller(name: str, text: str, *labels: str) -> Metric:
    mbean = f"kafka.controller:type=KafkaController,name={name}"
    return gauge(f"kafka_controller_kafkacontroller_{name.lower()}", text, *labels, mbean=mbean)


ACTIVE = _of_controller("ActiveControllerCount", "1: this node is the active controller.")
TOPICS = _of_controller("GlobalTopicCount", "Topics of the cluster.")
PARTITIONS = _of_controller("GlobalPartitionCount", "Partitions of the cluster.")
OFFLINE = _of_controller("OfflinePartitionsCount", "Partitions that nobody leads.")
NOT_PREFERRED = _of_controller(
    "PreferredReplicaImbalanceCount", "Partitions that another replica leads than the preferred one."
)
ACTIVE_BROKERS = _of_controller("ActiveBrokerCount", "Brokers that may lead.")
FENCED_BROKERS = _of_controller("FencedBrokerCount", "Brokers that are registered and may not lead.")
LEAVING_BROKERS = _of_controller("ControlledShutdownBrokerCount", "Brokers that are on their way out.")
BROKER_STATE = _of_controller(
    "BrokerRegistrationState", "10 fenced, 20 on its way out, 30 may lead, of each broker.", "broker"
)
SINCE_HEARTBEAT = _of_controller(
    "TimeSinceLastHeartbeatReceivedMs", "Of each broker, in milliseconds; told by the active controller.", "broker"
)
APPLIED_OFFSET = _of_controller("LastAppliedRecordOffset", "Of the metadata log, in the image of this controller.")
APPLIED_TIMESTAMP = _of_controller("LastAppliedRecordTimestamp", "When that was appended, in milliseconds since 1970.")
APPLIED_LAG = _of_controller(
    "LastAppliedRecordLagMs", "How old that is, in milliseconds; 0 on the active controller, which waits for nobody."
)
COMMITTED_OFFSET = _of_controller("LastCommittedRecordOffset", "Of the metadata log.")
METADATA_ERRORS = _of_controller("MetadataErrorCount", "1: the metadata log has failed here.")
NEW_CONTROLLERS = _of_controller("NewActiveControllersCount", "How often an active controller came to be.")
UNCLEAN_ELECTIONS = counter(
    "kafka_controller_controllerstats_uncleanleaderelections_total",
    "Leaders elected that may miss acknowledged records.",
    mbean="kafka.controller:type=ControllerStats,name=UncleanLeaderElectionsPerSec",
)
ELECTIONS_FROM_ELR = counter(
    "kafka_controller_controllerstats_electionfromeligibleleaderreplicas_total",
    "Leaders elected from the eligible ones that were not in sync.",
    mbean="kafka.controller:type=ControllerStats,name=ElectionFromEligibleLeaderReplicasPerSec",
)

METRICS = (
    ACTIVE,
    TOPICS,
    PARTITIONS,
    OFFLINE,
    NOT_PREFERRED,
    ACTIVE_BROKERS,
    FENCED_BROKERS,
    LEAVING_BROKERS,
    BROKER_STATE,
    SINCE_HEARTBEAT,
    APPLIED_OFFSET,
    APPLIED_TIMESTAMP,
    APPLIED_LAG,
    COMMITTED_OFFSET,
    METADATA_ERRORS,
    NEW_CONTROLLERS,
    UNCLEAN_ELECTIONS,
    ELECTIONS_FROM_ELR,
)

_FENCED, _LEAVING, _ACTIVE = 10, 20, 30
_NOBODY: Final = -1


class ControllerMetrics:
    """A subscriber of the metadata, for what only a change tells; the rest is looked up."""

    def __init__(self, view: NodeView, clock: Clock) -> None:
        self._view = view
        self._clock = clock
        self._unclean = 0
        self._from_elr = 0
        self._controllers = 0
        self._is_first = True

    def on_metadata(self, delta: MetadataDelta, _: MetadataImage) -> None:
        """The first delta makes the image that was there already: nothing of it has happened now."""
        if self._is_first:
            self._is_first = False
            return
        for topic_id, changed in delta.changed_topics.items():
            old_topic = delta.image.topics.by_id.get(topic_id)
            for index, partition in changed.partition_changes.items():
                old = None if old_topic is None else old_topic.partitions.get(index)
                if old is None or partition.leader in (NO_LEADER, old.leader):
                    continue
                self._unclean += partition.leader_recovery_state == RECOVERING
                self._from_elr += partition.leader in old.eligible_leader_replicas

    def on_leader(self, leader_id: int, _: int) -> None:
        if leader_id != _NOBODY:
            self._controllers += 1

    def read(self) -> Iterator[Reading]:
        metadata = self._view.metadata
        if metadata is None or not metadata.is_started or not metadata.is_controller:
            return
        controller, image, now_ms = metadata.controller, metadata.quorum.image, self._clock.now_ms()
        yield ACTIVE, (), int(controller.is_active)
        yield from _read_topics(image)
        yield from _read_brokers(image)
        if controller.is_active:
            for broker_id in list(image.cluster.brokers):
                state = controller.heartbeats.state(broker_id)
                if state is not None and state.last_contact_ms is not None:
                    yield SINCE_HEARTBEAT, (str(broker_id),), self._clock.monotonic_ms() - state.last_contact_ms
        yield APPLIED_OFFSET, (), image.offset
        yield APPLIED_TIMESTAMP, (), image.timestamp_ms
        yield APPLIED_LAG, (), 0 if controller.is_active else max(0, now_ms - image.timestamp_ms)
        yield COMMITTED_OFFSET, (), metadata.quorum.high_watermark - 1
        yield METADATA_ERRORS, (), int(metadata.quorum.failure is not None)
        yield NEW_CONTROLLERS, (), self._controllers
        yield UNCLEAN_ELECTIONS, (), self._unclean
        yield ELECTIONS_FROM_ELR, (), self._from_elr


def _read_topics(image: MetadataImage) -> Iterator[Reading]:
    partitions = [partition for topic in image.topics.by_id.values() for partition in topic.partitions.values()]
    yield TOPICS, (), len(image.topics.by_id)
    yield PARTITIONS, (), len(partitions)
    yield OFFLINE, (), sum(partition.leader == NO_LEADER for partition in partitions)
    yield NOT_PREFERRED, (), sum(not partition.has_preferred_leader for partition in partitions)


def _read_brokers(image: MetadataImage) -> Iterator[Reading]:
    states = {broker.broker_id: _state(broker) for broker in image.cluster.brokers.values()}
    yield ACTIVE_BROKERS, (), sum(not broker.fenced for broker in image.cluster.brokers.values())
    yield FENCED_BROKERS, (), sum(broker.fenced for broker in image.cluster.brokers.values())
    yield LEAVING_BROKERS, (), sum(state == _LEAVING for state in states.values())
    for broker_id, state in states.items():
        yield BROKER_STATE, (str(broker_id),), state


def _state(broker: BrokerRegistration) -> int:
    if broker.fenced:
        return _FENCED
    return _LEAVING if broker.in_controlled_shutdown else _ACTIVE
