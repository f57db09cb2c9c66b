"""Metadata images with topics, for the coordinators of share groups."""

from __future__ import annotations

from ottla.metadata.image import MetadataImage, TopicImage, TopicsImage
from ottla.metadata.partition import PartitionRegistration

TOPIC_ID = bytes(range(1, 17))
OTHER_TOPIC_ID = bytes(range(17, 33))


def topics_of(**partitions: int) -> TopicsImage:
    """`topic=3, other=1`: up to two topics, with ids in that order."""
    ids = (TOPIC_ID, OTHER_TOPIC_ID)
    topics = [
        TopicImage(name, topic_id, {index: registration() for index in range(count)})
        for (name, count), topic_id in zip(partitions.items(), ids, strict=False)
    ]
    return TopicsImage({topic.name: topic for topic in topics}, {topic.topic_id: topic for topic in topics})


def image_of(partitions: int) -> MetadataImage:
    return MetadataImage(topics=topics_of(topic=partitions))


def registration() -> PartitionRegistration:
    return PartitionRegistration(replicas=(1,), isr=(1,), leader=1, leader_epoch=0, partition_epoch=0, directories=())
