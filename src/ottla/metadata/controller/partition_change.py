"""One partition's next leader and ISR, as the record that says so. Kafka's `PartitionChangeBuilder`. KIP-455, 841, 966.

With eligible leader replicas (ELR) the ISR may become empty: replicas that leave an ISR below `min.insync.replicas`
stay eligible, for they hold every committed record, until they lose data (an unclean shutdown). When neither is left,
the last leader known may lead again, and says that it is recovering. A reassignment ends as soon as the new ISR allows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ottla.metadata.controller.reassignment_replicas import Reassignment
from ottla.metadata.partition import NO_LEADER, NO_LEADER_CHANGE, RECOVERING, PartitionRegistration
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord


class Election(Enum):
    PREFERRED = "the first replica, if it may lead"
    ONLINE = "from ISR and ELR"
    UNCLEAN = "from anyone alive, if need be"


@dataclass(frozen=True, slots=True)
class _Elected:
    leader: int
    unclean: bool = False


class PartitionChange:
    """Set the targets, then `build`."""

    def __init__(
        self,
        partition: PartitionRegistration,
        topic_id: bytes,
        index: int,
        *,
        may_lead: Callable[[int], bool],
        min_isr: int,
        elr_enabled: bool,
        election: Election = Election.ONLINE,
        target_isr: tuple[int, ...] | None = None,
        reassignment: Reassignment | None = None,
        directory_of: Callable[[int], bytes] | None = None,
        unclean_shutdown: frozenset[int] = frozenset(),
    ) -> None:
        """`reassignment`: where to, if that changes; `directory_of`: of new replicas, from records version 1 on."""
        self._partition = partition
        self._record = PartitionChangeRecord(partition_id=index, topic_id=topic_id)
        self._may_lead = may_lead
        self._min_isr = min_isr
        self._elr_enabled = elr_enabled
        self._election = election
        self._isr = partition.isr if target_isr is None else target_isr
        self._reassignment = reassignment or Reassignment.of(partition)
        self._directory_of = directory_of
        self._unclean_shutdown = unclean_shutdown
        self._elr = partition.eligible_leader_replicas
        self._last_known_elr = partition.last_known_elr

    def build(self) -> PartitionChangeRecord | None:
        """`None` if nothing changes."""
        completed = self._reassignment.completed(self._isr)
        if completed is not None:
            self._reassignment, self._isr = completed
        self._populate_elr()
        self._elect()
        self._start_epoch_if_replica_leaves()
        self._record_elr()
        record = self._record
        if record.isr is None and (self._isr or self._elr_enabled) and self._isr != self._partition.isr:
            record.isr = list(self._isr)
        self._remember_last_leader()
        self._record_replicas()
        untouched = PartitionChangeRecord(partition_id=record.partition_id, topic_id=record.topic_id)
        return None if record == untouched else record

    def _populate_elr(self) -> None:
        if not self._elr_enabled:
            return
        if len(self._isr) >= min(self._min_isr, len(self._reassignment.replicas)):
            self._elr = self._last_known_elr = ()
            return
        candidates = dict.fromkeys((*self._elr, *self._partition.isr))
        self._elr = tuple(
            replica for replica in candidates if replica not in self._isr and replica not in self._unclean_shutdown
        )

    def _elect(self) -> None:
        elected = self._elect_any()
        partition = self._partition
        if elected.leader == partition.leader:
            return
        self._record.leader = elected.leader
        if elected.leader == NO_LEADER:
            return
        if elected.unclean:
            self._isr = (elected.leader,)
            self._record.isr = [elected.leader]
            if partition.leader_recovery_state != RECOVERING:
                self._record.leader_recovery_state = RECOVERING
            self._elr = self._last_known_elr = ()
        elif not self._isr:  # from the ELR
            self._isr = (elected.leader,)
            self._elr = tuple(replica for replica in self._elr if replica != elected.leader)
            self._last_known_elr = ()

    def _elect_any(self) -> _Elected:
        replicas = self._reassignment.replicas
        if self._election is Election.PREFERRED and replicas and self._is_valid_leader(replicas[0]):
            return _Elected(replicas[0])
        if self._is_valid_leader(self._partition.leader):
            return _Elected(self._partition.leader)
        clean = next((replica for replica in replicas if self._is_valid_leader(replica)), None)
        if clean is not None:
            return _Elected(clean)
        last = self._partition.last_known_elr
        if self._elr_enabled and not self._elr and not self._isr and len(last) == 1 and self._may_lead(last[0]):
            return _Elected(last[0], unclean=True)
        if self._election is Election.UNCLEAN:
            alive = next((replica for replica in replicas if self._may_lead(replica)), None)
            if alive is not None:
                return _Elected(alive, unclean=True)
        return _Elected(NO_LEADER)

    def _is_valid_leader(self, replica: int) -> bool:
        in_sync = replica in self._isr or (self._elr_enabled and not self._isr and replica in self._elr)
        return in_sync and self._may_lead(replica)

    def _start_epoch_if_replica_leaves(self) -> None:
        """So that the leader forgets what the replica that leaves has fetched."""
        left = set(self._partition.replicas) - set(self._reassignment.replicas)
        if left and self._record.leader == NO_LEADER_CHANGE:
            self._record.leader = self._partition.leader

    def _record_replicas(self) -> None:
        partition, wanted, record = self._partition, self._reassignment, self._record
        if wanted.replicas and wanted.replicas != partition.replicas:
            record.replicas = list(wanted.replicas)
            if self._directory_of is not None:
                known = dict(zip(partition.replicas, partition.directories, strict=True))
                directories = [known.get(one) or self._directory_of(one) for one in wanted.replicas]
                if tuple(directories) != partition.directories:
                    record.directories = directories
        if wanted.removing != partition.removing_replicas:
            record.removing_replicas = list(wanted.removing)
        if wanted.adding != partition.adding_replicas:
            record.adding_replicas = list(wanted.adding)

    def _record_elr(self) -> None:
        if not self._elr_enabled:
            self._elr = self._last_known_elr = ()
        if self._elr != self._partition.eligible_leader_replicas:
            self._record.eligible_leader_replicas = list(self._elr)
        if self._last_known_elr != self._partition.last_known_elr:
            self._record.last_known_elr = list(self._last_known_elr)

    def _remember_last_leader(self) -> None:
        partition = self._partition
        becomes_empty = self._record.isr is not None and not self._record.isr
        if self._elr_enabled and becomes_empty and partition.last_known_elr != (partition.leader,):
            self._record.last_known_elr = [partition.leader]
