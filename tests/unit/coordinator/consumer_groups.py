"""A group coordinator under members of the consumer protocol, on top of `harness`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.unit.coordinator.harness import Client, Driver

from ottla.coordinator.group.shard import GroupShard
from ottla.metadata.image import ConfigsImage, MetadataImage, TopicImage, TopicsImage
from ottla.metadata.partition import PartitionRegistration
from ottla.protocol.api.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup

GROUP_RESOURCE = 32


def topic_id(name: str, generation: int = 1) -> bytes:
    return name.encode().ljust(15, b"\0") + bytes((generation,))


def partition() -> PartitionRegistration:
    return PartitionRegistration(
        replicas=(1,), directories=(bytes(16),), isr=(1,), leader=1, leader_epoch=0, partition_epoch=0
    )


class ConsumerDriver(Driver):
    """`topics` are name -> partitions; `alter_topics` changes them as the metadata log would."""

    def __init__(self, topics: Mapping[str, int] | None = None, **config: Any) -> None:
        config.setdefault("consumer_assignment_interval_ms", 0)
        super().__init__(**config)
        self.topics: dict[str, int] = {}
        self.generations: dict[str, int] = {}
        self.group_configs: dict[str, str] = {}
        self.version = 0
        self.alter_topics(topics or {"t": 3})

    def alter_topics(self, topics: Mapping[str, int]) -> None:
        old, new = set(self.topics), set(topics)
        for name in new - old:
            self.generations[name] = self.generations.get(name, 0) + 1
        changed = {name for name in new if topics[name] != self.topics.get(name)}
        self.topics = dict(topics)
        self._make_image()
        self.shard.topics_changed(changed, old - new, some_are_new=bool(new - old))

    def configure_group(self, **configs: str) -> None:
        self.group_configs = {name.replace("_", "."): value for name, value in configs.items()}
        self._make_image()

    def _make_image(self) -> None:
        self.version += 1
        images = [
            TopicImage(name, topic_id(name, self.generations[name]), {i: partition() for i in range(count)})
            for name, count in self.topics.items()
        ]
        self.image = MetadataImage(
            topics=TopicsImage({each.name: each for each in images}, {each.topic_id: each for each in images}),
            configs=ConfigsImage({(GROUP_RESOURCE, "g"): self.group_configs}),
            offset=self.version,
        )

    def consumers(self, group_id: str = "g") -> ConsumerGroup:
        group = self.shard.groups.consumer(group_id)
        assert group is not None
        return group

    def beat(self, request: ConsumerGroupHeartbeatRequest, version: int = 1) -> ConsumerGroupHeartbeatResponse:
        return self.run(self.shard.consumer_group_heartbeat(Client(version), request))

    def replayed(self) -> GroupShard:
        """Another shard that has replayed this one's log, and no more."""
        shard = GroupShard(self.config, self.clock, type(self.timers)(self.clock), self._new_uuid, lambda: self.image)
        for offset, record in enumerate(self.records()):
            shard.replay(record, offset)
        return shard


_START_AGAIN = (ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.GROUP_ID_NOT_FOUND)


@dataclass(slots=True)
class Consumer:
    """A member as a client library keeps it: unless it is `stubborn` it gives up at once what it is not told to own."""

    driver: ConsumerDriver
    member_id: str
    topics: Sequence[str] = ("t",)
    regex: str | None = None
    instance_id: str | None = None
    assignor: str | None = None
    epoch: int = 0
    stubborn: bool = False
    owned: dict[bytes, set[int]] = field(default_factory=dict)
    error: ErrorCode = ErrorCode.NONE

    def beat(self, epoch: int | None = None) -> ConsumerGroupHeartbeatResponse | None:
        """None: refused, see `error`. A fenced member owns nothing and starts again."""
        asked = self.epoch if epoch is None else epoch
        reported = [TopicPartitions(topic_id=each, partitions=sorted(owned)) for each, owned in self.owned.items()]
        request = ConsumerGroupHeartbeatRequest(
            group_id="g",
            member_id=self.member_id,
            member_epoch=asked,
            instance_id=self.instance_id,
            rebalance_timeout_ms=30_000,
            subscribed_topic_names=list(self.topics),
            subscribed_topic_regex=self.regex or "",
            server_assignor=self.assignor,
            topic_partitions=[] if asked == 0 else reported,
        )
        try:
            response = self.driver.beat(request)
        except KafkaError as error:
            self.error = error.code
            if error.code in _START_AGAIN:
                self.epoch, self.owned = 0, {}
            return None
        self.error = ErrorCode.NONE
        self.epoch = max(response.member_epoch, 0)
        if response.assignment is not None and not self.stubborn:
            self.owned = {each.topic_id: set(each.partitions) for each in response.assignment.topic_partitions}
        return response

    def leave(self) -> None:
        self.beat(-1)
        self.epoch, self.owned = 0, {}

    @property
    def partitions(self) -> list[tuple[bytes, int]]:
        return sorted((each, partition) for each, owned in self.owned.items() for partition in owned)


def settle(*members: Consumer, rounds: int = 8) -> None:
    for _ in range(rounds):
        for member in members:
            member.beat()
