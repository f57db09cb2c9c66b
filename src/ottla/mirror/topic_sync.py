"""Which topics flow, and that they are there in the target: found, created, given as many partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.clients.configs import DEFAULT, STATIC_BROKER, alter_configs, describe_configs
from ottla.clients.consumer import TopicPartition
from ottla.clients.topics import NewTopic, create_partitions, create_topics
from ottla.mirror.keep_running import describe
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.clients.client import KafkaClient
    from ottla.clients.configs import ConfigEntry
    from ottla.mirror.flow_config import FlowConfig
    from ottla.mirror.progress import FlowProgress


class TopicSync:
    """`topics` are those of the source that are in the target too, after each `refresh()`."""

    def __init__(self, flow: FlowConfig, source: KafkaClient, target: KafkaClient, progress: FlowProgress) -> None:
        self._flow = flow
        self._source = source
        self._target = target
        self._progress = progress
        self.topics: dict[str, int] = {}
        """How many partitions each has on both sides."""

    @property
    def partitions(self) -> set[TopicPartition]:
        return {TopicPartition(topic, index) for topic, count in self.topics.items() for index in range(count)}

    async def refresh(self) -> None:
        """Look at both clusters and mend the target. What it refuses is left out, and among the troubles."""
        wanted = {
            name: len(topic.partitions)
            for name, topic in (await self._source.refresh_metadata(None)).topics.items()
            if self._flow.copies_topic(name)
        }
        there = await self._target_counts()
        missing = [name for name in wanted if self._flow.remote_topic(name) not in there]
        grown = {
            self._flow.remote_topic(name): count
            for name, count in wanted.items()
            if there.get(self._flow.remote_topic(name), count) < count
        }
        refused: dict[str, KafkaError] = {}
        if missing:
            refused |= await self._create(missing, wanted)
        if grown:
            refused |= await create_partitions(self._target, grown)
        if missing or grown:
            there = await self._target_counts()
        self._report(refused)
        self.topics = {
            name: min(count, there[remote])
            for name, count in wanted.items()
            if (remote := self._flow.remote_topic(name)) in there
        }

    async def sync_configs(self) -> None:
        """Make the configs of the target's topics those of the source's, but for the keys that are left out."""
        configs = await self._configs(self.topics)
        changes = {
            self._flow.remote_topic(topic): {
                entry.name: None if entry.source == DEFAULT and not self._flow.use_defaults_from_source else entry.value
                for entry in self._copied(entries)
            }
            for topic, entries in configs.items()
        }
        self._report(await alter_configs(self._target, "topic", changes), subject="configs")

    async def _target_counts(self) -> dict[str, int]:
        topics = (await self._target.refresh_metadata(None)).topics
        return {name: len(topic.partitions) for name, topic in topics.items()}

    async def _create(self, names: Iterable[str], counts: dict[str, int]) -> dict[str, KafkaError]:
        configs = await self._configs(names)
        new = [
            NewTopic(
                self._flow.remote_topic(name),
                counts[name],
                self._flow.replication_factor,
                {
                    entry.name: entry.value
                    for entry in self._copied(configs.get(name, []))
                    if entry.source != DEFAULT or self._flow.use_defaults_from_source
                },
            )
            for name in names
        ]
        created = await create_topics(self._target, new)
        return {
            name: result
            for name, result in created.items()
            if isinstance(result, KafkaError) and result.code is not ErrorCode.TOPIC_ALREADY_EXISTS
        }

    async def _configs(self, topics: Iterable[str]) -> dict[str, list[ConfigEntry]]:
        """Of topics of the source, without those that have just gone."""
        found = await describe_configs(self._source, "topic", list(topics))
        return {topic: entries for topic, entries in found.items() if not isinstance(entries, KafkaError)}

    def _copied(self, entries: list[ConfigEntry]) -> list[ConfigEntry]:
        return [
            entry
            for entry in entries
            if not entry.read_only
            and not entry.sensitive
            and entry.source != STATIC_BROKER
            and not self._flow.config_properties_exclude.takes(entry.name)
        ]

    def _report(self, results: dict[str, KafkaError], subject: str = "topic") -> None:
        troubles = self._progress.troubles
        for key in [key for key in troubles if key.startswith(f"{subject} ")]:
            del troubles[key]
        for name, error in results.items():
            hint = ""
            if error.code is ErrorCode.INVALID_REPLICATION_FACTOR:
                hint = f"; replication.factor is {self._flow.replication_factor}"
            troubles[f"{subject} {name}"] = describe(error) + hint
