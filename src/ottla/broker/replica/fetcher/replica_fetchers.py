"""The fetchers of a node: one for each leader that it follows. Kafka's `ReplicaFetcherManager`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.replica.fetcher.fetcher_state import FetcherSettings, FetcherState, Follower
from ottla.broker.replica.fetcher.replica_fetcher import ReplicaFetcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.peer.peer import Peer
    from ottla.broker.replica.partition import Partition
    from ottla.broker.replica.replication_quota import ReplicationQuota
    from ottla.runtime.time import Clock, Timers


class ReplicaFetchers:
    """`connect(node id)`: a `Peer` of the caller's own, for the address that the node has now."""

    def __init__(
        self,
        settings: FetcherSettings,
        connect: Callable[[int], Peer | None],
        *,
        broker_epoch: Callable[[], int],
        clock: Clock,
        timers: Timers,
        follower: Follower,
        report: Callable[[str], None],
        quota: ReplicationQuota | None = None,
    ) -> None:
        self._quota = quota
        self._settings = settings
        self._connect = connect
        self._broker_epoch = broker_epoch
        self._clock = clock
        self._timers = timers
        self._follower = follower
        self._report = report
        self._by_leader: dict[int, ReplicaFetcher] = {}
        self._leaders: dict[Partition, int] = {}

    def follow(self, partition: Partition) -> None:
        """The leader that the partition has now, under its epoch."""
        leader = partition.leader
        if self._leaders.get(partition, leader) != leader:
            self.unfollow(partition)
        self._leaders[partition] = leader
        fetcher = self._by_leader.get(leader)
        if fetcher is None:
            fetcher = self._by_leader[leader] = self._make(leader)
        fetcher.follow(partition)

    def unfollow(self, partition: Partition) -> None:
        leader = self._leaders.pop(partition, None)
        if leader is None:
            return
        fetcher = self._by_leader[leader]
        if not fetcher.unfollow(partition):
            del self._by_leader[leader]
            fetcher.close()

    def close(self) -> None:
        for fetcher in self._by_leader.values():
            fetcher.close()
        self._by_leader.clear()
        self._leaders.clear()

    def _make(self, leader: int) -> ReplicaFetcher:
        return ReplicaFetcher(
            FetcherState(self._settings, follower=self._follower, report=self._report, quota=self._quota),
            self._settings,
            lambda: self._connect(leader),
            broker_epoch=self._broker_epoch,
            clock=self._clock,
            timers=self._timers,
            report=self._report,
        )
