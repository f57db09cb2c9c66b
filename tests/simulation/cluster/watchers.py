"""Invariants that look into the nodes while time passes."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol

from ottla.protocol.record_batch import iterate_batches

if TYPE_CHECKING:
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger
    from tests.simulation.cluster.node import SimulatedNode
    from tests.simulation.cluster.process import Process

    from ottla.metadata.image import MetadataImage

BROKER_RESOURCE = 4
METADATA_LOG = PurePath("/data/__cluster_metadata-0")


class Watcher(Protocol):
    def look(self, cluster: SimulatedCluster) -> None:
        """After every step."""
        ...

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        """When all is calm, and everybody has ended."""
        ...


class OneActiveController:
    """Nobody leads the quorum in an epoch that another led."""

    def __init__(self) -> None:
        self._leaders: dict[int, str] = {}

    def look(self, cluster: SimulatedCluster) -> None:
        for node in cluster.nodes:
            quorum = node.quorum
            if quorum is not None and quorum.raft.is_leader:
                epoch = quorum.raft.epoch
                leader = self._leaders.setdefault(epoch, node.name)
                assert leader == node.name, f"OneActiveController: {leader} and {node.name} lead epoch {epoch}"

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        leading = [node.name for node in cluster.nodes if node.quorum is not None and node.quorum.raft.is_leader]
        assert len(leading) == 1, f"OneActiveController: {leading} lead"


class MetadataNeverGoesBack:
    """What a node has applied, and what it knows to be committed, only grows while it lives."""

    def __init__(self) -> None:
        self._seen: dict[Process, tuple[int, int]] = {}

    def look(self, cluster: SimulatedCluster) -> None:
        for node in cluster.nodes:
            quorum, process = node.quorum, node.process
            if quorum is not None and process is not None and quorum.failure is None:
                before = self._seen.get(process, (-1, -1))
                now = (quorum.applied_offset, quorum.image.offset)
                assert now[0] >= before[0] and now[1] >= before[1], (
                    f"MetadataNeverGoesBack: {node.name}: {before} {now}"
                )
                self._seen[process] = now

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        pass


class OneHistoryOfMetadata:
    """What is committed at an offset is the same everywhere, and for ever; in the end all nodes have the same."""

    def __init__(self) -> None:
        self._epochs: dict[int, tuple[int, str]] = {}
        """End offset of an image: (its epoch, who had it first)."""

    def look(self, cluster: SimulatedCluster) -> None:
        for node in cluster.nodes:
            quorum = node.quorum
            if quorum is not None and quorum.failure is None:
                image = quorum.image
                epoch, first = self._epochs.setdefault(image.offset, (image.epoch, node.name))
                assert epoch == image.epoch, (
                    f"OneHistoryOfMetadata: at {image.offset} {first} has epoch {epoch}, {node.name} {image.epoch}"
                )

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        images = [(node.name, node.quorum.image) for node in cluster.nodes if node.quorum is not None]
        by_offset: dict[int, tuple[str, MetadataImage]] = {}
        for name, image in images:
            first, other = by_offset.setdefault(image.offset, (name, image))
            assert image == other, f"OneHistoryOfMetadata: {first} and {name} differ at {image.offset}"
        known: dict[int, tuple[bytes, str]] = {}
        for node in cluster.nodes:
            for offset, batch in _committed_batches(node):
                before, first = known.setdefault(offset, (batch, node.name))
                assert before == batch, f"OneHistoryOfMetadata: {first} and {node.name} differ at {offset}"


def _committed_batches(node: SimulatedNode) -> list[tuple[int, bytes]]:
    quorum = node.quorum
    if quorum is None:
        return []
    disk = node.machine.disk
    batches = []
    for name in disk.list(METADATA_LOG):
        if name.endswith(".log"):
            file = disk.open(METADATA_LOG / name)
            data = memoryview(file.read(0, file.size))
            for offset, header in iterate_batches(data, cut_is_end=True):
                if header.next_offset <= quorum.high_watermark:
                    batches.append((header.base_offset, bytes(data[offset : offset + header.size])))
    return batches


class NoAcknowledgedConfigLost:
    """In the end a config is what was acknowledged last, or what was asked for later; on every node."""

    def look(self, cluster: SimulatedCluster) -> None:
        pass

    def end(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        for node in cluster.nodes:
            if node.quorum is None:
                continue
            configs = node.quorum.image.configs.of(BROKER_RESOURCE, "")
            for key, number in ledger.configs.items():
                value = configs.get(key, "0")
                asked = ledger.configs_asked[key]
                assert value in asked, f"NoAcknowledgedConfigLost: {key} is {value} on {node.name}"
                late = not cluster.is_prompt and int(value) < number  # an old request that took long
                assert late or int(value) >= number, f"NoAcknowledgedConfigLost: {key} is {value}, and was {number}"


def metadata_is_everywhere(cluster: SimulatedCluster) -> bool:
    """Somebody leads, and everybody knows all that is committed. Who was cut off may need some time to connect."""
    quorums = [node.quorum for node in cluster.nodes]
    known = {quorum.high_watermark for quorum in quorums if quorum is not None}
    return len(known) == 1 and None not in quorums and any(quorum.raft.is_leader for quorum in quorums if quorum)


METADATA = (OneActiveController, MetadataNeverGoesBack, OneHistoryOfMetadata)
