"""One partition's next leader and ISR, as the record that says so. Kafka's `PartitionChangeBuilder`. KIP-455, 841, 966.

With eligible leader replicas (ELR) the ISR may become empty: replicas that leave an ISR below `min.insync.replicas`
stay eligible, for they hold every committed record, until they lose data (an unclean shutdown). When neither is left,
the last leader known may lead again, and says that it is recovering. A reassignment ends as soon as the new ISR allows.
"""

from collections.abc import Callable, Iterable, Mapping
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
        recovery_state: int | None = None,
        directory_of: Callable[[int], bytes] | None = None,
        moved: Mapping[int, bytes] | None = None,
        unclean_shutdown: frozenset[int] = frozenset(),
        shrinking_starts_epoch: bool = False,
    ) -> None:
        """`reassignment`: where to, if that changes; `directory_of`: of new replicas, from records version 1 on.

        `min_isr`: at most as large as the partition may have replicas; `moved`: directories of replicas that are
        elsewhere now; `shrinking_starts_epoch`: before `metadata.version` 3.6.
        """
        self._partition = partition
        self._record = PartitionChangeRecord(partition_id=index, topic_id=topic_id)
        self._may_lead = may_lead
        self._min_isr = min_isr
        self._elr_enabled = elr_enabled
        self._election = election
        self._isr = partition.isr if target_isr is None else target_isr
        self._reassignment = reassignment or Reassignment.of(partition)
        self._recovery_state = partition.leader_recovery_state if recovery_state is None else recovery_state
        self._directory_of = directory_of
        self._moved = moved or {}
        self._unclean_shutdown = unclean_shutdown
        self._shrinking_starts_epoch = shrinking_starts_epoch
        self._elr = partition.eligible_leader_replicas

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
        self._start_epoch_if_isr_shrinks()
        self._remember_last_leader()
        self._record_replicas()
        if self._recovery_state != self._partition.leader_recovery_state:
            record.leader_recovery_state = self._recovery_state
        untouched = PartitionChangeRecord(partition_id=record.partition_id, topic_id=record.topic_id)
        return None if record == untouched else record

    def _populate_elr(self) -> None:
        if not self._elr_enabled:
            return
        if len(self._isr) >= self._min_isr:
            self._elr = ()
            return
        # Unlike in Apache Kafka 4.3: who is no replica any more deletes its log, and comes back with an empty one.
        self._elr = tuple(
            replica
            for replica in _in_hash_order((*self._elr, *self._partition.isr))
            if replica not in self._isr
            and replica not in self._unclean_shutdown
            and replica in self._reassignment.replicas
            and replica in self._partition.replicas  # what a controller of Apache Kafka wrote may name others
        )

    def _elect(self) -> None:
        elected = self._elect_any()
        if elected.leader == self._partition.leader:
            return
        if elected.leader in self._elr:
            self._isr = (elected.leader,)
            self._elr = tuple(replica for replica in self._elr if replica != elected.leader)
        self._record.leader = elected.leader
        if elected.unclean:
            self._record.isr = [elected.leader]
            if self._partition.leader_recovery_state != RECOVERING:
                self._record.leader_recovery_state = RECOVERING

    def _elect_any(self) -> _Elected:
        replicas = self._reassignment.replicas
        if self._election is Election.PREFERRED and replicas and self._is_valid_leader(replicas[0]):
            return _Elected(replicas[0])
        if self._is_valid_leader(self._partition.leader):
            return _Elected(self._partition.leader)
        clean = next((replica for replica in replicas if self._is_valid_leader(replica)), None)
        if clean is not None:
            return _Elected(clean)
        if self._may_elect_last_leader():
            return _Elected(self._partition.last_known_elr[0], unclean=True)
        if self._election is Election.UNCLEAN:
            alive = next((replica for replica in replicas if self._may_lead(replica)), None)
            if alive is not None:
                return _Elected(alive, unclean=True)
        return _Elected(NO_LEADER)

    def _may_elect_last_leader(self) -> bool:
        """Where it still is a replica: a reassignment may have ended, or been taken back, since it led."""
        last = self._partition.last_known_elr
        if not self._elr_enabled or self._elr or self._isr or len(last) != 1:
            return False
        return last[0] in self._reassignment.replicas and self._may_lead(last[0])

    def _is_valid_leader(self, replica: int) -> bool:
        return (replica in self._isr or (not self._isr and replica in self._elr)) and self._may_lead(replica)

    def _start_epoch_if_replica_leaves(self) -> None:
        """So that the leader forgets what the replica that leaves has fetched."""
        left = set(self._partition.replicas) - set(self._reassignment.replicas)
        if left and self._record.leader == NO_LEADER_CHANGE:
            self._record.leader = self._partition.leader

    def _start_epoch_if_isr_shrinks(self) -> None:
        record = self._record
        if not self._shrinking_starts_epoch or record.isr is None or record.leader != NO_LEADER_CHANGE:
            return
        if set(self._partition.isr) - set(record.isr):
            record.leader = self._partition.leader

    def _record_replicas(self) -> None:
        partition, wanted, record = self._partition, self._reassignment, self._record
        if self._directory_of is not None and wanted.replicas:
            known = {**dict(zip(partition.replicas, partition.directories, strict=True)), **self._moved}
            directories = [known.get(one) or self._directory_of(one) for one in wanted.replicas]
            if tuple(directories) != partition.directories:
                record.directories = directories
        if wanted.replicas and wanted.replicas != partition.replicas:
            record.replicas = list(wanted.replicas)
        if wanted.removing != partition.removing_replicas:
            record.removing_replicas = list(wanted.removing)
        if wanted.adding != partition.adding_replicas:
            record.adding_replicas = list(wanted.adding)

    def _record_elr(self) -> None:
        """An unclean election leaves nobody else eligible."""
        if self._record.isr is not None or not self._elr_enabled:
            self._elr = ()
        if self._elr != self._partition.eligible_leader_replicas:
            self._record.eligible_leader_replicas = list(self._elr)

    def _remember_last_leader(self) -> None:
        """While nobody leads."""
        if not self._elr_enabled:
            return
        leader, last = self._record.leader, self._partition.last_known_elr
        if leader == NO_LEADER and not last:
            self._record.last_known_elr = [self._partition.leader]
        elif leader >= 0 and last:
            self._record.last_known_elr = []


def _in_hash_order(replicas: Iterable[int]) -> list[int]:
    """Each once, in the order in which Apache Kafka's hash set of them says them."""
    distinct = list(dict.fromkeys(replicas))
    buckets = 16
    while len(distinct) > buckets * 3 // 4:
        buckets *= 2
    return sorted(distinct, key=lambda replica: (replica ^ replica >> 16) & (buckets - 1))
