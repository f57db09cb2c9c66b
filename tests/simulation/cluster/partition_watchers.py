"""Invariants of replication that look into the nodes while time passes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from ottla.protocol.record_batch import iterate_batches

if TYPE_CHECKING:
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger
    from tests.simulation.cluster.process import Process

    from ottla.broker.controller.broker_losses import BrokerLosses
    from ottla.broker.replica.partition import Partition

Id = tuple[bytes, int]
READ_BYTES = 1 << 20
COMPARE_EVERY_S = 0.5
IN_SYNC_WITHIN_S = 60.0


def _name(partition: Partition) -> str:
    return f"{partition.topic}-{partition.index}"


class OneLeaderAnEpoch:
    """Nobody leads a partition in an epoch in which another node led it."""

    def __init__(self) -> None:
        self._leaders: dict[tuple[Id, int], str] = {}

    def look(self, cluster: SimulatedCluster) -> None:
        for node in cluster.nodes:
            for partition in node.partitions():
                if partition.is_leader:
                    key = ((partition.topic_id, partition.index), partition.leader_epoch)
                    leader = self._leaders.setdefault(key, node.name)
                    assert leader == node.name, f"OneLeaderAnEpoch: {leader} and {node.name} lead {_name(partition)}"

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        pass


class MonotonicHighWatermark:
    """Of each replica while its process lives, and it is not moved away."""

    def __init__(self) -> None:
        self._seen: dict[Partition, int] = {}

    def look(self, cluster: SimulatedCluster) -> None:
        for node in cluster.nodes:
            for partition in node.partitions():
                now, before = partition.log.high_watermark, self._seen.get(partition, 0)
                assert now >= before, f"MonotonicHighWatermark: {_name(partition)} on {node.name}: {now} after {before}"
                self._seen[partition] = now

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        pass


class CommittedIsForEver:
    """Below the high watermark all replicas have the same batches, and keep them; in the end all are in sync."""

    def __init__(self) -> None:
        self._known: dict[Id, dict[int, tuple[int, str]]] = {}
        """By base offset: the batch's checksum, and who had it first."""
        self._compared: dict[tuple[Process, Id], int] = {}
        self._due = 0.0

    def look(self, cluster: SimulatedCluster) -> None:
        if cluster.now >= self._due:
            self._due = cluster.now + COMPARE_EVERY_S
            self._compare(cluster)

    def _compare(self, cluster: SimulatedCluster) -> None:
        for node in cluster.nodes:
            process = node.process
            assert process is not None
            fuse, process.fuse = process.fuse, None  # it is not the process that reads
            with node.machine.disk.spared():
                for partition in node.partitions():
                    one = (partition.topic_id, partition.index)
                    begin = max(self._compared.get((process, one), 0), partition.log.log_start_offset)
                    self._compared[process, one] = self._compare_from(one, partition, begin, node.name)
            process.fuse = fuse

    def _compare_from(self, one: Id, partition: Partition, begin: int, name: str) -> int:
        known, log = self._known.setdefault(one, {}), partition.log
        while begin < log.high_watermark:
            region = log.read(begin, READ_BYTES, upper_bound=log.high_watermark).region
            if region is None:
                break
            data = region.file.read(region.position, region.size)
            reached = begin
            for offset, header in iterate_batches(memoryview(data), cut_is_end=True):
                checksum = zlib.crc32(data[offset : offset + header.size])
                before, first = known.setdefault(header.base_offset, (checksum, name))
                assert before == checksum, (
                    f"CommittedIsForEver: {_name(partition)}: {first} and {name} differ at {header.base_offset}"
                )
                reached = header.next_offset
            if reached <= begin:
                break
            begin = reached
        return begin

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        cluster.run_until(lambda: is_whole(cluster), IN_SYNC_WITHIN_S, "all replicas are in sync")
        self._compare(cluster)
        ends: dict[Id, tuple[int, str]] = {}
        for node in cluster.nodes:
            for partition in node.partitions():
                log = partition.log
                end = log.log_end_offset
                first, other = ends.setdefault((partition.topic_id, partition.index), (log.log_end_offset, node.name))
                text = f"{_name(partition)} ends at {first} on {other}, {end} on {node.name}"
                assert first == end, f"CommittedIsForEver: {text}"


class NoLiveBrokerFenced:
    """Where what is sent arrives soon or never, a broker that runs and does not want to stop is never fenced."""

    def __init__(self) -> None:
        self._unfenced: set[tuple[int, int]] = set()
        """Broker id and epoch of those that were let lead."""

    def look(self, cluster: SimulatedCluster) -> None:
        if not cluster.is_prompt:
            return
        by_id = {node.config.node_id: node for node in cluster.nodes}
        leading = [node.quorum for node in cluster.nodes if node.quorum is not None and node.quorum.raft.is_leader]
        # One that does not know yet that it leads no more may have seen less than what was seen before.
        for quorum in sorted(leading, key=lambda quorum: quorum.raft.epoch)[-1:]:
            for broker_id, broker in quorum.image.cluster.brokers.items():
                node = by_id[broker_id]
                if not broker.fenced:
                    self._unfenced.add((broker_id, broker.epoch))
                elif node.broker_epoch == broker.epoch and (broker_id, broker.epoch) in self._unfenced:
                    assert not node.is_up or node.is_stopping, (
                        f"NoLiveBrokerFenced: {node.name} at epoch {broker.epoch}"
                    )

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        pass


def nothing_is_open(cluster: SimulatedCluster) -> bool:
    """No transaction holds back what its partition's leader shows."""
    return all(
        partition.log.last_stable_offset == partition.log.log_end_offset
        for node in cluster.nodes
        for partition in node.partitions()
        if partition.is_leader
    )


class NoLiveBrokerTakenForGone:
    """In whatever network: who is fenced before its session is over does not run any more, or is about to stop."""

    def __init__(self) -> None:
        self._seen: dict[BrokerLosses, tuple[int, int]] = {}

    def look(self, cluster: SimulatedCluster) -> None:
        for controller in cluster.nodes:
            losses = controller.losses
            fenced = None if losses is None else losses.last_fenced
            if losses is None or fenced is None or self._seen.get(losses) == fenced:
                continue
            self._seen[losses] = fenced
            for node in cluster.nodes:
                is_it = (node.config.node_id, node.broker_epoch) == fenced
                assert not is_it or not node.is_up or node.is_stopping, f"NoLiveBrokerTakenForGone: {node.name}"

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        pass


def is_whole(cluster: SimulatedCluster) -> bool:
    """Every node serves, and by everybody's metadata all replicas of all partitions are in sync."""
    for node in cluster.nodes:
        quorum = node.quorum
        if quorum is None:
            return False
        for topic in quorum.image.topics.by_name.values():
            for partition in topic.partitions.values():
                if len(partition.isr) < len(partition.replicas) or partition.leader < 0:
                    return False
    return True


REPLICATION = (
    OneLeaderAnEpoch,
    MonotonicHighWatermark,
    CommittedIsForEver,
    NoLiveBrokerFenced,
    NoLiveBrokerTakenForGone,
)
