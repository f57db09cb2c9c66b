"""What must hold of a replicated partition, whatever happens; looked at after every event.

NoAcknowledgedLoss           who leads an epoch has everything that was committed in those before it, and at the end
                             everything is there that was acknowledged
ReplicasEqualUpToHighWatermark   what stands below the high watermark of any replica is one history
OffsetsNeverReused           what was committed at an offset stays there for ever
MonotonicHighWatermark       of a leader, as long as its epoch lasts
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.broker.replicas import records_of

if TYPE_CHECKING:
    from tests.simulation.replication_replica import SimulatedReplica

    from ottla.broker.replica.partition import Partition
    from ottla.log.log import Log


class ReplicationChecker:
    def __init__(self) -> None:
        self.committed: list[bytes] = []
        """By offset."""
        self.committed_in: list[int] = []
        """By offset: the leader epoch in which it was."""
        self._checked: dict[tuple[int, int], int] = {}
        """(node, run): up to which offset its log was compared."""
        self._high_watermarks: dict[tuple[int, int, int], int] = {}
        """(node, run, leader epoch)"""

    def look(self, replica: SimulatedReplica, partition: Partition) -> None:
        log = partition.log
        high_watermark = log.high_watermark
        if partition.is_leader:
            key = (replica.node_id, replica.run, partition.leader_epoch)
            before = self._high_watermarks.get(key)
            if before is None:
                self._check_leader(replica, partition)
            assert high_watermark >= (before or 0), f"MonotonicHighWatermark: {key} {before} → {high_watermark}"
            self._high_watermarks[key] = high_watermark
        life = (replica.node_id, replica.run)
        start = max(self._checked.get(life, 0), log.log_start_offset)
        if high_watermark <= start:
            return
        for offset, value in values_between(log, start, high_watermark):
            self._commit(replica, partition, offset, value)
        self._checked[life] = high_watermark

    def _commit(self, replica: SimulatedReplica, partition: Partition, offset: int, value: bytes) -> None:
        is_leader, epoch = partition.is_leader, partition.leader_epoch
        if offset < len(self.committed):
            known = self.committed[offset]
            rule = "OffsetsNeverReused" if is_leader else "ReplicasEqualUpToHighWatermark"
            assert known == value, f"{rule}: node {replica.node_id} has {value!r} at {offset}, which is {known!r}"
            if is_leader:
                self.committed_in[offset] = min(epoch, self.committed_in[offset])
            return
        assert is_leader, f"ReplicasEqualUpToHighWatermark: {replica.node_id} follows, and commits {offset}"
        assert offset == len(self.committed), f"a hole before {offset}"
        self.committed.append(value)
        self.committed_in.append(epoch)

    def _check_leader(self, replica: SimulatedReplica, partition: Partition) -> None:
        log = partition.log
        end = max((at + 1 for at, epoch in enumerate(self.committed_in) if epoch < partition.leader_epoch), default=0)
        where = f"node {replica.node_id}, epoch {partition.leader_epoch}"
        assert log.log_end_offset >= end, f"NoAcknowledgedLoss: {where} leads with {log.log_end_offset} of {end}"
        own = values_between(log, log.log_start_offset, end)
        for offset, value in own:
            assert self.committed[offset] == value, f"NoAcknowledgedLoss: {where} has another record at {offset}"
        assert len(own) == end - log.log_start_offset, f"NoAcknowledgedLoss: {where} has a hole"


def values_between(log: Log, start: int, end: int) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    offset = start
    while offset < end:
        region = log.read(offset, 10_000, upper_bound=end).region
        if region is None:
            break
        records = records_of(region.file.read(region.position, region.size))
        found += [(one.offset, one.value or b"") for one in records if offset <= one.offset < end]
        offset = records[-1].offset + 1
    return found
