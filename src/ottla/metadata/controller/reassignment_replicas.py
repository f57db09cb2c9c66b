"""Which replicas a partition has while it moves, and when it has arrived. KIP-455.

    replicas   where to, then those that leave       [1, 2, 3] to [3, 4, 1]: [3, 4, 1, 2]
    adding     not there before                                              [4]
    removing   there before, not wanted any more                             [2]

Kafka's `PartitionReassignmentReplicas` and `PartitionReassignmentRevert`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ottla.metadata.partition import PartitionRegistration


@dataclass(frozen=True, slots=True)
class Reassignment:
    replicas: tuple[int, ...]
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()

    @classmethod
    def of(cls, partition: PartitionRegistration) -> "Reassignment":
        """The one that goes on, if any."""
        return cls(partition.replicas, partition.adding_replicas, partition.removing_replicas)

    @classmethod
    def towards(cls, partition: PartitionRegistration, target: Sequence[int]) -> "Reassignment":
        """From what the partition has now. As in Kafka, what an earlier one adds or removes stays if this has none."""
        current = partition.replicas
        removing = tuple(sorted(set(current) - set(target)))
        adding = tuple(sorted(set(target) - set(current)))
        return cls((*target, *removing), adding or partition.adding_replicas, removing or partition.removing_replicas)

    @property
    def in_progress(self) -> bool:
        return bool(self.adding or self.removing)

    def completed(self, isr: tuple[int, ...]) -> "tuple[Reassignment, tuple[int, ...]] | None":
        """What is left, with its ISR, when everyone added is in sync; `None`: not yet, or nothing moves."""
        if not self.in_progress:
            return None
        replicas = tuple(replica for replica in self.replicas if replica not in self.removing)
        isr = tuple(replica for replica in isr if replica not in self.removing)
        if not replicas or not isr or not set(self.adding) <= set(isr):
            return None
        if len(self.adding) < len(self.removing) and len(isr) < len(replicas):
            return None  # fewer replicas than before: all of them must be in sync
        return Reassignment(replicas), isr


def original_replicas(partition: PartitionRegistration) -> tuple[int, ...]:
    return tuple(replica for replica in partition.replicas if replica not in partition.adding_replicas)


def reverted_isr(partition: PartitionRegistration) -> tuple[tuple[int, ...], bool]:
    """The ISR without those that were being added, and whether nobody in sync is left (the first replica must do)."""
    isr = tuple(replica for replica in partition.isr if replica not in partition.adding_replicas)
    return (isr, False) if isr else (original_replicas(partition)[:1], True)
