"""One partition as the controller registers it. Values; merging a change gives a new one. KIP-455, 841, 858, 966."""

from dataclasses import dataclass, replace

from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord
from ottla.protocol.metadata_record.partition_record import PartitionRecord

NO_LEADER = -1
NO_LEADER_CHANGE = -2

RECOVERED = 0
RECOVERING = 1
NO_RECOVERY_CHANGE = -1

# Reserved directory ids (KIP-858), beside which an id names a log directory by its meta.properties.
MIGRATING_DIRECTORY = bytes(16)
UNASSIGNED_DIRECTORY = bytes(15) + b"\x01"
LOST_DIRECTORY = bytes(15) + b"\x02"
RESERVED_DIRECTORIES = 100


def is_reserved_directory(directory: bytes) -> bool:
    """An id that no directory may have."""
    return not any(directory[:8]) and int.from_bytes(directory[8:], signed=True) < RESERVED_DIRECTORIES


@dataclass(frozen=True, slots=True)
class PartitionRegistration:
    replicas: tuple[int, ...]
    """Preferred leader first."""
    directories: tuple[bytes, ...]
    """The log directory of each replica, in the order of `replicas`."""
    isr: tuple[int, ...]
    leader: int
    """-1: nobody."""
    leader_epoch: int
    partition_epoch: int
    """Goes up by one with every change."""
    leader_recovery_state: int = RECOVERED
    removing_replicas: tuple[int, ...] = ()
    adding_replicas: tuple[int, ...] = ()
    eligible_leader_replicas: tuple[int, ...] = ()
    last_known_elr: tuple[int, ...] = ()

    @classmethod
    def from_record(cls, record: PartitionRecord) -> "PartitionRegistration":
        replicas = tuple(record.replicas)
        return cls(
            replicas=replicas,
            directories=tuple(record.directories) or (MIGRATING_DIRECTORY,) * len(replicas),
            isr=tuple(record.isr),
            leader=record.leader,
            leader_epoch=record.leader_epoch,
            partition_epoch=record.partition_epoch,
            leader_recovery_state=record.leader_recovery_state,
            removing_replicas=tuple(record.removing_replicas),
            adding_replicas=tuple(record.adding_replicas),
            eligible_leader_replicas=tuple(record.eligible_leader_replicas or ()),
            last_known_elr=tuple(record.last_known_elr or ()),
        )

    @property
    def has_preferred_leader(self) -> bool:
        return self.leader == (self.replicas[0] if self.replicas else NO_LEADER)

    def merge(self, change: PartitionChangeRecord) -> "PartitionRegistration":
        """This registration after `change`. A leader that is named, even the same one, starts a new leader epoch."""
        leader_named = change.leader != NO_LEADER_CHANGE
        replicas = self.replicas if change.replicas is None else tuple(change.replicas)
        directories = self.directories if change.directories is None else tuple(change.directories)
        if len(directories) != len(replicas):
            directories = (MIGRATING_DIRECTORY,) * len(replicas)
        return replace(
            self,
            replicas=replicas,
            directories=directories,
            isr=_changed(change.isr, self.isr),
            leader=change.leader if leader_named else self.leader,
            leader_epoch=self.leader_epoch + 1 if leader_named else self.leader_epoch,
            partition_epoch=self.partition_epoch + 1,
            leader_recovery_state=(
                self.leader_recovery_state
                if change.leader_recovery_state == NO_RECOVERY_CHANGE
                else change.leader_recovery_state
            ),
            removing_replicas=_changed(change.removing_replicas, self.removing_replicas),
            adding_replicas=_changed(change.adding_replicas, self.adding_replicas),
            eligible_leader_replicas=_changed(change.eligible_leader_replicas, self.eligible_leader_replicas),
            last_known_elr=_changed(change.last_known_elr, self.last_known_elr),
        )

    def to_record(self, topic_id: bytes, index: int, version: int) -> PartitionRecord:
        """The record that makes this registration out of nothing (`PartitionRecord` of `version`)."""
        record = PartitionRecord(
            partition_id=index,
            topic_id=topic_id,
            replicas=list(self.replicas),
            isr=list(self.isr),
            removing_replicas=list(self.removing_replicas),
            adding_replicas=list(self.adding_replicas),
            leader=self.leader,
            leader_recovery_state=self.leader_recovery_state,
            leader_epoch=self.leader_epoch,
            partition_epoch=self.partition_epoch,
            directories=list(self.directories) if version >= 1 else [],
        )
        if version >= 2:
            record.eligible_leader_replicas = list(self.eligible_leader_replicas) or None
            record.last_known_elr = list(self.last_known_elr) or None
        return record


def _changed(new: list[int] | None, old: tuple[int, ...]) -> tuple[int, ...]:
    return old if new is None else tuple(new)
