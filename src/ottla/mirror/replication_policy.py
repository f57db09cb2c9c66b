"""How a topic is called on the other side: the default replication policy and the identity one (KIP-382).

default    `orders` of cluster `a` is `a.orders` in every target; the name tells where it came from, so cycles are seen
identity   `orders` stays `orders`; for one way only, since a topic's source cannot be told from its name

Heartbeats are renamed by both. Internal topics of the mirror have names of their own, the same in both.
"""

from dataclasses import dataclass

HEARTBEATS_TOPIC = "heartbeats"
DEFAULT_SEPARATOR = "."


@dataclass(frozen=True, slots=True)
class ReplicationPolicy:
    """The default policy. `internal_separator` is "." where `replication.policy.internal.topic.separator.enabled`
    is false."""

    separator: str = DEFAULT_SEPARATOR
    internal_separator: str = DEFAULT_SEPARATOR

    def remote_topic(self, source: str, topic: str) -> str:
        """The name in the target of what is `topic` in the source."""
        return f"{source}{self.separator}{topic}"

    def topic_source(self, topic: str) -> str | None:
        """The alias of the cluster that a remote topic was copied from; `None` for one that was written here."""
        source, separator, rest = topic.partition(self.separator)
        return source if separator and rest.replace(self.separator, "") else None

    def upstream_topic(self, topic: str) -> str | None:
        """What a remote topic is called in the cluster that it was copied from."""
        source = self.topic_source(topic)
        return None if source is None else topic[len(source) + len(self.separator) :]

    def original_topic(self, topic: str) -> str:
        """What it was called where it was written, any number of copies ago."""
        while (upstream := self.upstream_topic(topic)) is not None and upstream != topic:
            topic = upstream
        return topic

    def offset_syncs_topic(self, other: str) -> str:
        separator = self.internal_separator
        return f"mm2-offset-syncs{separator}{other}{separator}internal"

    def checkpoints_topic(self, source: str) -> str:
        return source + self._checkpoints_suffix()

    def is_heartbeats_topic(self, topic: str) -> bool:
        return self.original_topic(topic) == HEARTBEATS_TOPIC

    def is_internal_topic(self, topic: str) -> bool:
        """Kafka's own, and those that a mirror writes for itself: never copied, whatever the filters say."""
        return (
            topic.startswith(("__", "."))
            or topic.endswith(self._checkpoints_suffix())
            or (topic.startswith("mm2") and topic.endswith(f"{self.internal_separator}internal"))
        )

    def is_cycle(self, topic: str, target: str) -> bool:
        """Whether the topic was in the target before, so that copying it there would go round."""
        while (source := self.topic_source(topic)) is not None:
            if source == target:
                return True
            upstream = self.upstream_topic(topic)
            if upstream is None or upstream == topic:
                return False
            topic = upstream
        return False

    def _checkpoints_suffix(self) -> str:
        return f"{self.internal_separator}checkpoints{self.internal_separator}internal"


@dataclass(frozen=True, slots=True)
class IdentityReplicationPolicy(ReplicationPolicy):
    """Topics keep their names. Whatever is not a heartbeat may have come from the flow's `source`."""

    source: str | None = None

    def remote_topic(self, source: str, topic: str) -> str:
        if topic.endswith(HEARTBEATS_TOPIC):
            return ReplicationPolicy.remote_topic(self, source, topic)
        return topic

    def topic_source(self, topic: str) -> str | None:
        if topic.endswith(HEARTBEATS_TOPIC):
            return ReplicationPolicy.topic_source(self, topic)
        return self.source

    def upstream_topic(self, topic: str) -> str | None:
        if topic.endswith(HEARTBEATS_TOPIC):
            return ReplicationPolicy.upstream_topic(self, topic)
        return topic
