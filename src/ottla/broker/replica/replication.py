"""What a node does for partitions that have replicas on other nodes, too. Made when it hosts the first of them.

Where it leads, a `Leadership` each, and a look from time to time at who lags; where it follows, fetchers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.broker.replica.fetcher.replica_fetchers import ReplicaFetchers
from ottla.broker.replica.leadership import LeaderContext, Leadership

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.peer.peer import Peer
    from ottla.broker.replica.fetcher.fetcher_state import FetcherSettings
    from ottla.broker.replica.partition import Partition
    from ottla.broker.replica.replica_manager import ReplicaManager
    from ottla.broker.replica.replication_quota import ReplicationQuota
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.time import Timer, Timers


HURRY_AFTER_MS: Final = (0.0, 20.0, 100.0)


class Replication:
    """`connect(node id)`: a `Peer` of the caller's own, or `None` where nobody is known to be."""

    def __init__(
        self,
        context: LeaderContext,
        settings: FetcherSettings,
        connect: Callable[[int], Peer | None],
        *,
        timers: Timers,
        manager: ReplicaManager,
        report: Callable[[str], None],
        follower_quota: ReplicationQuota | None = None,
        answer_followers: Callable[[], None] = lambda: None,
    ) -> None:
        """`answer_followers`: end their long polls."""
        self._answer_followers = answer_followers
        self._began_to_lead = False
        self._answers: list[Timer] = []
        self._context = context
        self._timers = timers
        self._partitions = manager.partitions
        self._fetchers = ReplicaFetchers(
            settings,
            connect,
            broker_epoch=context.broker_epoch,
            clock=context.clock,
            timers=timers,
            follower=manager,
            report=report,
            quota=follower_quota,
        )
        self._quotas = [quota for quota in (context.quota, follower_quota) if quota is not None]
        for quota in self._quotas:
            quota.update(manager.image)
        self._timer: Timer = self._look_later()

    def new_leadership(self, partition: Partition) -> Leadership:
        self._began_to_lead = True
        return Leadership(partition, self._context)

    def follow(self, partition: Partition) -> None:
        """Fetch from its leader, under its present epoch."""
        self._fetchers.follow(partition)

    def unfollow(self, partition: Partition) -> None:
        """This node leads it now, or has it no more, or nobody leads it."""
        self._fetchers.unfollow(partition)

    def close(self) -> None:
        for timer in (self._timer, *self._answers):
            timer.cancel()
        self._fetchers.close()

    def _hurry_followers(self) -> None:
        """Their parked fetches do not ask for what this node has begun to lead: let them ask anew.

        At once, and a little later, for those that have not heard of the new leader yet.
        """
        for timer in self._answers:
            timer.cancel()
        self._answers = [self._timers.call_later(delay_ms, self._answer_followers) for delay_ms in HURRY_AFTER_MS]

    def _look_later(self) -> Timer:
        return self._timers.call_later(self._context.lag_time_max_ms() / 2, self._look)

    def _look(self) -> None:
        """Who has lagged for too long is out of sync."""
        self._timer = self._look_later()
        for partition in self._partitions():
            if partition.leadership is not None:
                partition.leadership.shrink()
                partition.leadership.expand()

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        """After the partitions. Who was fenced may be in sync again, and who is fenced now is not waited for.

        Quotas and `min.insync.replicas` may be others.
        """
        if self._began_to_lead:
            self._began_to_lead = False
            self._hurry_followers()
        if delta.changed_configs:
            for quota in self._quotas:
                quota.update(image)
        if delta.changed_brokers or delta.changed_configs:
            for partition in self._partitions():
                if partition.leadership is not None:
                    partition.leadership.expand()
                    partition.leadership.advance()
                    partition.low_watermark_moved()
