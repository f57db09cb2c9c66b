"""The consumers' embedded protocol, which classic members of a consumer group speak: topics by name, versions inside.

Each text is an int16 version, then the message of that version; a newer version than ours is read as ours (KIP-62).
"""

from collections.abc import Iterable, Mapping

from ottla.coordinator.group.assignor.spec import Partitions
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.consumer_group_heartbeat import TopicPartitions
from ottla.protocol.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolAssignmentTopicPartition,
    ConsumerProtocolSubscription,
)
from ottla.protocol.errors import ProtocolError

_VERSION_BYTES = 2


def _version(data: bytes, latest: int) -> int:
    if len(data) < _VERSION_BYTES:
        raise ProtocolError("the embedded consumer protocol has no version")
    version = int.from_bytes(data[:_VERSION_BYTES], "big", signed=True)
    if version < 0:
        raise ProtocolError(f"the embedded consumer protocol cannot have version {version}")
    return min(version, latest)


def decode_subscription(data: bytes) -> ConsumerProtocolSubscription:
    """`ProtocolError` when malformed."""
    version = _version(data, ConsumerProtocolSubscription.versions.latest)
    return ConsumerProtocolSubscription.decode(data, version, offset=_VERSION_BYTES)


def breaks_a_load(data: bytes) -> bool:
    """Whether Apache Kafka, when it loads a classic group whose member has this subscription, fails on all groups of
    that partition of `__consumer_offsets`: it forgives a text that ends early, but no size beyond what is there.

    Source: ClassicGroup.computeSubscribedTopics, which reads version 0 and catches SchemaException only.
    """
    if len(data) < _VERSION_BYTES + 4 or int.from_bytes(data[:_VERSION_BYTES], "big", signed=True) < 0:
        return False
    position = _VERSION_BYTES + 4
    topics = int.from_bytes(data[_VERSION_BYTES:position], "big", signed=True)
    if not 0 <= topics <= len(data) - position:
        return True
    for _ in range(topics):
        if position + 2 > len(data):
            return False
        size = int.from_bytes(data[position : position + 2], "big", signed=True)
        position += 2 + size
        if size < 0 or position > len(data):
            return True
    return False


def decode_assignment(data: bytes) -> ConsumerProtocolAssignment:
    """`ProtocolError` when malformed."""
    version = _version(data, ConsumerProtocolAssignment.versions.latest)
    return ConsumerProtocolAssignment.decode(data, version, offset=_VERSION_BYTES)


def encode_assignment(image: MetadataImage, partitions: Mapping[bytes, Iterable[int]], subscription: bytes) -> bytes:
    """An assignment in the version of the member's subscription. Topics that are gone are left out."""
    version = _version(subscription, ConsumerProtocolAssignment.versions.latest)
    topics = [
        ConsumerProtocolAssignmentTopicPartition(topic=name, partitions=sorted(indexes))
        for topic_id, indexes in partitions.items()
        if (name := image.topics.name_of(topic_id)) is not None
    ]
    assignment = ConsumerProtocolAssignment(assigned_partitions=topics, user_data=None)
    return version.to_bytes(_VERSION_BYTES, "big") + assignment.encode(version)


def assigned_by_id(image: MetadataImage, assignment: ConsumerProtocolAssignment) -> Partitions:
    return {
        topic_id: frozenset(topic.partitions)
        for topic in assignment.assigned_partitions
        if (topic_id := image.topics.id_of(topic.topic)) is not None
    }


def owned_by_id(image: MetadataImage, subscription: ConsumerProtocolSubscription) -> list[TopicPartitions]:
    """What a classic member says it owns, as a member of the consumer protocol would say it."""
    return [
        TopicPartitions(topic_id=topic_id, partitions=list(topic.partitions))
        for topic in subscription.owned_partitions
        if (topic_id := image.topics.id_of(topic.topic)) is not None
    ]
