"""From one image to the next: records are replayed into a delta, `apply` makes the image. The only writer of metadata.

A delta also tells what changed, for those who follow (replicas, coordinators, configs). KIP-631; Kafka's `MetadataDelta`.
"""

from collections.abc import Callable
from dataclasses import replace

from ottla.metadata.image import ConfigResourceKey, MetadataImage, TopicImage, TopicsImage
from ottla.metadata.partition import PartitionRegistration
from ottla.protocol.message import Message


class TopicDelta:
    """One topic that is new or has changed."""

    __slots__ = ("name", "partition_changes", "topic_id")

    def __init__(self, name: str, topic_id: bytes) -> None:
        self.name = name
        self.topic_id = topic_id
        self.partition_changes: dict[int, PartitionRegistration] = {}
        """Every partition that is new or has changed, as it is now."""


class MetadataDelta:
    def __init__(self, image: MetadataImage) -> None:
        self.image = image
        """The image before."""
        self.changed_topics: dict[bytes, TopicDelta] = {}
        self.deleted_topics: dict[bytes, TopicImage] = {}
        """Topics of the image before that are gone, as they were."""
        self.changed_configs: set[ConfigResourceKey] = set()
        self.changed_brokers: set[int] = set()
        self.changed_features: set[str] = set()

    def replay(self, record: Message) -> None: ...

    def apply(self, *, offset: int, epoch: int, timestamp_ms: int) -> MetadataImage: ...
