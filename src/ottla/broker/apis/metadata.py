"""Metadata (3): brokers, topics and who leads their partitions; topics that are missing may be made.

| version | what changed                                          | KIP |
|---------|-------------------------------------------------------|-----|
| 0       | no topics named: all of them                          |     |
| 1       | null: all topics; internal topics, racks, controller  | 4   |
| 2       | cluster id                                            | 78  |
| 4       | creation of missing topics may be declined            | 204 |
| 5       | offline replicas                                      | 112 |
| 7       | leader epochs                                         | 320 |
| 8       | authorized operations, of the cluster until 10        | 430 |
| 9       | tagged fields                                         | 482 |
| 10      | topic ids in the answer                               | 516 |
| 12      | topics asked for by id                                | 516 |
| 13      | an error of the whole request                         | 1102 |

A topic that is made on the way is answered with its partitions; Kafka answers UNKNOWN_TOPIC_OR_PARTITION first and lets
the client ask again. The controller named is a live broker, as in KRaft: clients send it what is for the controller.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from ottla.broker.authorized_operations import ALL_OF_CLUSTER, ALL_OF_TOPIC, NOT_ASKED
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.partition_changes import has_online_directory
from ottla.metadata.controller.topic_names import (
    GROUP_METADATA_TOPIC,
    INTERNAL_TOPICS,
    TRANSACTION_STATE_TOPIC,
    is_internal,
    is_valid_topic_name,
)
from ottla.metadata.image import MetadataImage, TopicImage
from ottla.metadata.partition import NO_LEADER, PartitionRegistration
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.metadata import (
    MetadataRequest,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from ottla.broker.controller_channel import ControllerRequests
    from ottla.broker.peer.absences import Absences
    from ottla.metadata.registration import BrokerRegistration

CREATABLE_INTERNAL_TOPICS = frozenset((GROUP_METADATA_TOPIC, TRANSACTION_STATE_TOPIC, "__share_group_state"))
FIRST_WITH_LISTENER_NOT_FOUND = 6
FIRST_WITH_IDS_ASKED = 12


class MetadataHandler:
    """`create_internal_topic`: makes a topic of Kafka's own; returns when it is there or could not be made."""

    def __init__(
        self,
        image: Callable[[], MetadataImage],
        *,
        cluster_id: str,
        node_id: int,
        auto_create_topics: bool,
        create_internal_topic: Callable[[str], Awaitable[None]],
        channel: "ControllerRequests",
        absences: "Absences | None" = None,
    ) -> None:
        self._image = image
        self._cluster_id = cluster_id
        self._node_id = node_id
        self._auto_create_topics = auto_create_topics
        self._create_internal_topic = create_internal_topic
        self._channel = channel
        self._absences = absences

    def __call__(
        self, context: RequestContext, request: MetadataRequest
    ) -> MetadataResponse | Awaitable[MetadataResponse]:
        if context.api_version < FIRST_WITH_IDS_ASKED and any(
            topic.name is None or topic.topic_id != ZERO_UUID for topic in request.topics or ()
        ):
            return _refused(request)
        by_name = self._image().topics.by_name
        missing = dict.fromkeys(
            topic.name
            for topic in request.topics or ()
            if topic.name is not None and topic.topic_id == ZERO_UUID and topic.name not in by_name
        )
        creatable = [name for name in missing if is_valid_topic_name(name)]
        if creatable and request.allow_auto_topic_creation and self._auto_create_topics:
            return self._answer_after_creation(context, request, creatable)
        answer = self._answer(context, request, {})
        absences = self._absences
        if absences is not None and (undecided := absences.undecided()) and _may_lead_any(undecided, answer):
            return self._answer_when_decided(context, request, absences)
        return answer

    async def _answer_when_decided(
        self, context: RequestContext, request: MetadataRequest, absences: "Absences"
    ) -> MetadataResponse:
        """A moment later: who asks has probably lost its leader just as this node has."""
        await absences.decided()
        return self._answer(context, request, {})

    async def _answer_after_creation(
        self, context: RequestContext, request: MetadataRequest, names: list[str]
    ) -> MetadataResponse:
        failures: dict[str, ErrorCode] = {}
        for name in names:
            if name in CREATABLE_INTERNAL_TOPICS:
                await self._create_internal_topic(name)
        ordinary = [name for name in names if name not in INTERNAL_TOPICS]
        if ordinary:
            topics = [
                CreatableTopic(name=name, num_partitions=-1, replication_factor=-1, assignments=[], configs=[])
                for name in ordinary
            ]
            try:
                answer = await self._channel.send(CreateTopicsRequest(topics=topics), CreateTopicsResponse)
            except KafkaError as error:
                failures = dict.fromkeys(ordinary, error.code)
            else:
                failures = {
                    result.name: ErrorCode(result.error_code)
                    for result in answer.topics
                    if result.error_code not in (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS)
                }
        return self._answer(context, request, failures)

    def _answer(
        self, context: RequestContext, request: MetadataRequest, failures: dict[str, ErrorCode]
    ) -> MetadataResponse:
        image = self._image()
        topics = list(self._topics(context, request, image, failures))
        if request.include_topic_authorized_operations:
            for topic in topics:
                if topic.error_code == ErrorCode.NONE:
                    topic.topic_authorized_operations = ALL_OF_TOPIC
        return MetadataResponse(
            brokers=_brokers(self._listed(image), context.listener),
            cluster_id=self._cluster_id,
            controller_id=self._node_id,
            topics=topics,
            cluster_authorized_operations=(
                ALL_OF_CLUSTER if request.include_cluster_authorized_operations else NOT_ASKED
            ),
        )

    def _listed(self, image: MetadataImage) -> "Iterable[BrokerRegistration]":
        unfenced = image.cluster.unfenced()
        return unfenced if self._absences is None else (*unfenced, *self._absences.lately_fenced())

    def _topics(
        self, context: RequestContext, request: MetadataRequest, image: MetadataImage, failures: dict[str, ErrorCode]
    ) -> Iterable[MetadataResponseTopic]:
        if request.topics is None or (context.api_version == 0 and not request.topics):
            return (self._topic(topic, image, context) for topic in image.topics.by_name.values())
        asked = dict.fromkeys((topic.topic_id, topic.name) for topic in request.topics)
        return (self._asked_topic(topic_id, name, image, context, failures) for topic_id, name in asked)

    def _asked_topic(
        self,
        topic_id: bytes,
        name: str | None,
        image: MetadataImage,
        context: RequestContext,
        failures: dict[str, ErrorCode],
    ) -> MetadataResponseTopic:
        if topic_id != ZERO_UUID or name is None:
            found = image.topics.by_id.get(topic_id)
            if found is None:
                return _no_topic(None, ErrorCode.UNKNOWN_TOPIC_ID, topic_id)
            return self._topic(found, image, context)
        found = image.topics.by_name.get(name)
        if found is not None:
            return self._topic(found, image, context)
        valid = is_valid_topic_name(name)
        default = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if valid else ErrorCode.INVALID_TOPIC_EXCEPTION
        return _no_topic(name, failures.get(name, default))

    def _topic(self, topic: TopicImage, image: MetadataImage, context: RequestContext) -> MetadataResponseTopic:
        partitions = topic.partitions.items()
        return MetadataResponseTopic(
            error_code=ErrorCode.NONE,
            name=topic.name,
            topic_id=topic.topic_id,
            is_internal=is_internal(topic.name),
            partitions=[self._partition(index, partition, image, context) for index, partition in partitions],
        )

    def _partition(
        self, index: int, partition: PartitionRegistration, image: MetadataImage, context: RequestContext
    ) -> MetadataResponsePartition:
        error = ErrorCode.NONE
        leader = image.cluster.brokers.get(partition.leader)
        if leader is None or leader.fenced or (self._absences is not None and self._absences.is_absent(leader)):
            error = ErrorCode.LEADER_NOT_AVAILABLE
        elif context.listener not in leader.listeners:
            known = context.api_version >= FIRST_WITH_LISTENER_NOT_FOUND
            error = ErrorCode.LISTENER_NOT_FOUND if known else ErrorCode.LEADER_NOT_AVAILABLE
        return MetadataResponsePartition(
            error_code=error,
            partition_index=index,
            leader_id=partition.leader if error is ErrorCode.NONE else NO_LEADER,
            leader_epoch=partition.leader_epoch,
            replica_nodes=list(partition.replicas),
            isr_nodes=list(partition.isr),
            offline_replicas=offline_replicas(partition, image, context.listener),
        )


def _refused(request: MetadataRequest) -> MetadataResponse:
    """Versions 10 and 11 can carry a topic id or a null name, and mean nothing by it."""
    code = ErrorCode.INVALID_REQUEST
    return MetadataResponse(
        brokers=[], topics=[_no_topic(topic.name or "", code, topic.topic_id) for topic in request.topics or ()]
    )


def _may_lead_any(broker_ids: frozenset[int], answer: MetadataResponse) -> bool:
    return any(
        partition.leader_id in broker_ids
        or (partition.leader_id == NO_LEADER and not broker_ids.isdisjoint(partition.replica_nodes))
        for topic in answer.topics
        for partition in topic.partitions
    )


def _brokers(listed: "Iterable[BrokerRegistration]", listener: str) -> list[MetadataResponseBroker]:
    brokers = []
    for broker in listed:
        endpoint = broker.listeners.get(listener)
        if endpoint is not None:
            brokers.append(
                MetadataResponseBroker(
                    node_id=broker.broker_id, host=endpoint.host, port=endpoint.port, rack=broker.rack
                )
            )
    return brokers


def _no_topic(name: str | None, error: ErrorCode, topic_id: bytes = ZERO_UUID) -> MetadataResponseTopic:
    return MetadataResponseTopic(
        error_code=error,
        name=name,
        topic_id=topic_id,
        is_internal=name is not None and is_internal(name),
        partitions=[],
    )


def offline_replicas(partition: PartitionRegistration, image: MetadataImage, listener: str) -> list[int]:
    """Replicas on failed disks, or on brokers that are gone, fenced, or not to be reached through the listener."""
    offline = []
    for replica in partition.replicas:
        broker = image.cluster.brokers.get(replica)
        if (
            broker is None
            or broker.fenced
            or listener not in broker.listeners
            or not has_online_directory(image, partition, replica)
        ):
            offline.append(replica)
    return offline
