"""The committed offsets of one coordinator: by group, topic and partition, and those of open transactions.

Changed by replay alone. An offset committed in a transaction (a record with a producer id) stays pending until the
transaction's marker, and while it does, `OffsetFetch` with `require_stable` is told so (KIP-447).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ottla.coordinator.uncommitted import Uncommitted
from ottla.protocol.types import ZERO_UUID


@dataclass(slots=True)
class OffsetAndMetadata:
    """Never changed, and not frozen only because that would make a commit much slower.

    `expire_timestamp_ms` -1: as the group's retention says. `record_offset`: where in the log it stands.
    """

    committed_offset: int
    leader_epoch: int
    metadata: str
    commit_timestamp_ms: int
    expire_timestamp_ms: int = -1
    topic_id: bytes = ZERO_UUID
    record_offset: int = -1


# group id -> topic -> partition -> offset
OffsetTable: TypeAlias = dict[str, dict[str, dict[int, OffsetAndMetadata]]]


@dataclass(slots=True)
class Offsets:
    committed: OffsetTable = field(default_factory=dict)
    # producer id -> what its open transaction has committed so far
    pending: dict[int, OffsetTable] = field(default_factory=dict)
    # group id -> producer ids with pending offsets
    open_transactions: dict[str, set[int]] = field(default_factory=dict)
    # (group id, topic, partition) -> what was committed before changes that are not replicated yet
    uncommitted: Uncommitted[tuple[str, str, int], OffsetAndMetadata | None] = field(default_factory=Uncommitted)

    def get(self, group_id: str, topic: str, partition: int) -> OffsetAndMetadata | None:
        topics = self.committed.get(group_id)
        if topics is None:
            return None
        partitions = topics.get(topic)
        return None if partitions is None else partitions.get(partition)

    def of_group(self, group_id: str) -> Mapping[str, Mapping[int, OffsetAndMetadata]]:
        return self.committed.get(group_id, {})

    def put(self, group_id: str, topic: str, partition: int, offset: OffsetAndMetadata) -> None:
        _put(self.committed, group_id, topic, partition, offset)

    def put_pending(
        self, producer_id: int, group_id: str, topic: str, partition: int, offset: OffsetAndMetadata
    ) -> None:
        _put(self.pending.setdefault(producer_id, {}), group_id, topic, partition, offset)
        self.open_transactions.setdefault(group_id, set()).add(producer_id)

    def remove(self, group_id: str, topic: str, partition: int) -> None:
        """A tombstone: it also takes what open transactions have committed for the partition."""
        _remove(self.committed, group_id, topic, partition)
        for producer_id in self.open_transactions.get(group_id, ()):
            table = self.pending.get(producer_id)
            if table is not None:
                _remove(table, group_id, topic, partition)

    def end_transaction(self, producer_id: int, *, commit: bool) -> None:
        """What was pending becomes committed unless something newer stands there, or is forgotten."""
        for group_id, producers in list(self.open_transactions.items()):
            producers.discard(producer_id)
            if not producers:
                del self.open_transactions[group_id]
        table = self.pending.pop(producer_id, None)
        if table is None or not commit:
            return
        for group_id, topic, partition, offset in _each(table):
            existing = self.get(group_id, topic, partition)
            if existing is None or offset.record_offset > existing.record_offset:
                self.put(group_id, topic, partition, offset)

    # -- what reads see

    def note(self, group_id: str, topic: str, partition: int, offset: int) -> None:
        """The batch at `offset` is about to change this, and is not replicated yet."""
        self.uncommitted.note((group_id, topic, partition), offset, self.get(group_id, topic, partition))

    def note_end(self, producer_id: int, offset: int) -> None:
        """The same of a marker that commits what is pending."""
        for group_id, topic, partition, _ in _each(self.pending.get(producer_id, {})):
            self.note(group_id, topic, partition, offset)

    def replicated(self, group_id: str) -> Mapping[str, Mapping[int, OffsetAndMetadata]]:
        """`of_group` as of the last record that is replicated."""
        newest = self.of_group(group_id)
        if not self.uncommitted:
            return newest
        table = {topic: dict(partitions) for topic, partitions in newest.items()}
        for key in self.uncommitted.changed():
            if key[0] != group_id:
                continue
            before = self.uncommitted.committed(key, None)
            if before is not None:
                table.setdefault(key[1], {})[key[2]] = before
            else:
                table.get(key[1], {}).pop(key[2], None)
        return {topic: partitions for topic, partitions in table.items() if partitions}

    # -- open transactions

    def has_pending(self, group_id: str, topic: str, partition: int) -> bool:
        for producer_id in self.open_transactions.get(group_id, ()):
            if partition in self.pending.get(producer_id, {}).get(group_id, {}).get(topic, {}):
                return True
        return False

    def each_of_group(self, group_id: str) -> Iterator[tuple[str, int]]:
        """(topic, partition) of everything committed or pending, each once."""
        seen: dict[tuple[str, int], None] = {}
        tables = [self.committed, *(self.pending.get(each, {}) for each in self.open_transactions.get(group_id, ()))]
        for table in tables:
            for topic, partitions in table.get(group_id, {}).items():
                for partition in partitions:
                    seen[topic, partition] = None
        return iter(seen)

    def each_of_topic(self, topic: str) -> Iterator[tuple[str, int]]:
        """(group id, partition) of everything committed or pending, each once."""
        seen: dict[tuple[str, int], None] = {}
        for table in [self.committed, *self.pending.values()]:
            for group_id, topics in table.items():
                for partition in topics.get(topic, ()):
                    seen[group_id, partition] = None
        return iter(seen)


def _put(table: OffsetTable, group_id: str, topic: str, partition: int, offset: OffsetAndMetadata) -> None:
    topics = table.get(group_id)
    if topics is None:
        topics = table[group_id] = {}
    partitions = topics.get(topic)
    if partitions is None:
        partitions = topics[topic] = {}
    partitions[partition] = offset


def _remove(table: OffsetTable, group_id: str, topic: str, partition: int) -> None:
    topics = table.get(group_id)
    partitions = None if topics is None else topics.get(topic)
    if topics is None or partitions is None:
        return
    partitions.pop(partition, None)
    if not partitions:
        del topics[topic]
    if not topics:
        del table[group_id]


def _each(table: OffsetTable) -> Iterator[tuple[str, str, int, OffsetAndMetadata]]:
    for group_id, topics in table.items():
        for topic, partitions in topics.items():
            for partition, offset in partitions.items():
                yield group_id, topic, partition, offset
