"""Which offsets of a topic a query reads: those that were committed when it began, of the state that it asks for.

what is there    begin ─────────────────────────────── last stable offset
AS OF, BETWEEN           since ──────────── until
WHERE                            pruned ──
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.clients.consumer import READ_COMMITTED, TopicPartition, earliest_offsets, latest_offsets, list_offsets
from ottla.console.sql.moment import AtTime, Moment, QueryError, offsets_text
from ottla.console.sql.pruning import WHOLE, Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.clients.client import KafkaClient
    from ottla.console.sql.query import Reference


@dataclass(frozen=True, slots=True)
class Extent:
    """`ranges`: partition -> (first offset, the one behind the last)."""

    reference: Reference
    ranges: Mapping[int, tuple[int, int]]

    def __str__(self) -> str:
        """So that it can be asked for again."""
        first = offsets_text({partition: start for partition, (start, _) in self.ranges.items()})
        last = offsets_text({partition: end for partition, (_, end) in self.ranges.items()})
        if self.reference.latest:
            return f"latest({self._name}) as of offsets '{last}'"
        return f"{self._name} between offsets '{first}' and '{last}'"

    @property
    def _name(self) -> str:
        topic = self.reference.topic
        return topic if topic.isidentifier() and topic == topic.lower() else '"{}"'.format(topic.replace('"', '""'))


class Extents:
    """What is there of each topic is asked once, whatever number of references there are to it."""

    def __init__(self, client: KafkaClient) -> None:
        self._client = client
        self._begins: dict[str, dict[int, int]] = {}
        self._ends: dict[str, dict[int, int]] = {}

    async def find(self, references: Sequence[Reference], parts: Mapping[str, Part]) -> list[Extent]:
        for topic in dict.fromkeys(reference.topic for reference in references):
            await self._look(topic)
        return [await self._extent(each, parts.get(each.name, WHOLE)) for each in references]

    async def _look(self, topic: str) -> None:
        wheres = [TopicPartition(topic, index) for index in sorted((await self._client.topic(topic)).partitions)]
        ends = await latest_offsets(self._client, wheres, isolation_level=READ_COMMITTED)
        begins = await earliest_offsets(self._client, wheres)
        self._ends[topic] = {where.partition: offset for where, offset in ends.items()}
        self._begins[topic] = {where.partition: offset for where, offset in begins.items()}

    async def _extent(self, reference: Reference, part: Part) -> Extent:
        topic = reference.topic
        firsts, lasts = self._begins[topic], self._ends[topic]
        if reference.until is not None:
            lasts = await self._at(topic, reference.until)
        if reference.since is not None:
            firsts = await self._at(topic, reference.since, is_first=True)
            self._check_that_it_is_there(topic, firsts)
        ranges = {
            partition: (max(firsts.get(partition, last), self._begins[topic][partition]), last)
            for partition, last in lasts.items()
        }
        ranges = {partition: (min(first, last), last) for partition, (first, last) in ranges.items()}
        return Extent(reference, await self._pruned(topic, ranges, part, latest=reference.latest))

    async def _at(self, topic: str, moment: Moment, *, is_first: bool = False) -> dict[int, int]:
        """Up to, and without, which offset; with `is_first` from which one on."""
        if isinstance(moment, AtTime):
            return await self._first_since(topic, moment.timestamp_ms + (0 if is_first else 1))
        offsets = dict(moment.offsets)
        ends = self._ends[topic]
        for partition, offset in offsets.items():
            if partition not in ends:
                raise QueryError(f"{topic} has partitions 0 to {len(ends) - 1}, not {partition}")
            if offset > ends[partition]:
                raise QueryError(f"{topic}-{partition} ends at offset {ends[partition]}, before {offset}")
        return offsets

    async def _first_since(self, topic: str, timestamp_ms: int) -> dict[int, int]:
        """The first record that is not older, or the end."""
        ends = self._ends[topic]
        wheres = {TopicPartition(topic, partition): timestamp_ms for partition in ends}
        found = await list_offsets(self._client, wheres)
        return {
            where.partition: min(each.offset, ends[where.partition]) if each.offset >= 0 else ends[where.partition]
            for where, each in found.items()
        }

    def _check_that_it_is_there(self, topic: str, firsts: Mapping[int, int]) -> None:
        for partition, first in firsts.items():
            begin = self._begins[topic][partition]
            if first < begin:
                raise QueryError(f"{topic}-{partition} begins at offset {begin}: what was before it is deleted")

    async def _pruned(
        self, topic: str, ranges: Mapping[int, tuple[int, int]], part: Part, *, latest: bool
    ) -> dict[int, tuple[int, int]]:
        """The last value of a key may stand anywhere before the end: of a table only partitions are left out."""
        kept = {each: ends for each, ends in ranges.items() if part.partitions is None or each in part.partitions}
        if latest:
            return kept
        since = {} if part.timestamp_min_ms is None else await self._first_since(topic, max(part.timestamp_min_ms, 0))
        pruned = {}
        for partition, (first, last) in kept.items():
            first = max(first, part.offset_min or 0, since.get(partition, 0))
            last = last if part.offset_max is None else min(last, part.offset_max + 1)
            pruned[partition] = (min(first, last), last)
        return pruned
