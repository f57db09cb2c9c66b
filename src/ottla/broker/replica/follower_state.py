"""What a leader knows of one follower: how far it came, and when it last had everything.

Each fetch of the follower tells where its log ends. It is *caught up* while that is where the leader's log ends, and
for `replica.lag.time.max.ms` after the last moment when it was: the time of its last fetch that asked for the leader's
end, or for what was the end at the fetch before. Kafka's `Replica`, KIP-903 (broker epochs).
"""

from __future__ import annotations

from typing import Final, Protocol

UNKNOWN_OFFSET: Final = -1
UNKNOWN_EPOCH: Final = None
NEVER_MS: Final = float("-inf")
ANY_EPOCH: Final = -1
"""The epoch of a follower that fetches in a version before 15."""


class FollowersSession(Protocol):
    """`FetchSession`."""

    last_used_ms: float


class Telling(Protocol):
    """`FetchPartition`: one partition of a follower's session."""

    @property
    def session(self) -> FollowersSession: ...

    def contradicted(self) -> None: ...


class FollowerState:
    """`broker_epoch`: of its last fetch; `UNKNOWN_EPOCH` before the first one. Times are monotonic.

    `is_known`: it has fetched in this leader epoch. What it had in an earlier one it may have lost since: a replica
    that is removed and added again begins with nothing, and the leader may not have seen that it was gone.
    """

    __slots__ = (
        "_fetched_leader_end",
        "_fetched_ms",
        "broker_epoch",
        "broker_id",
        "caught_up_ms",
        "is_known",
        "log_end_offset",
        "log_start_offset",
        "told_by",
    )

    def __init__(self, broker_id: int) -> None:
        self.broker_id = broker_id
        self.is_known = False
        self.told_by: Telling | None = None
        """The part of a fetch session that said where it is."""
        self._forget()

    def _forget(self) -> None:
        self.log_start_offset = UNKNOWN_OFFSET
        self.log_end_offset = UNKNOWN_OFFSET
        self.broker_epoch: int | None = UNKNOWN_EPOCH
        self.caught_up_ms = NEVER_MS
        self._fetched_ms = NEVER_MS
        self._fetched_leader_end = UNKNOWN_OFFSET

    def begin_epoch(self, now_ms: float, leader_end: int, *, new_leader: bool, in_sync: bool) -> None:
        """A leader epoch begins. Who is in sync has time to fetch; who is not holds nothing back until it does."""
        self.is_known = False
        if new_leader:
            self._forget()
        else:
            self._fetched_leader_end = leader_end
            self._fetched_ms = now_ms if in_sync else NEVER_MS
        self.caught_up_ms = now_ms if in_sync else NEVER_MS

    def fetched(self, offset: int, log_start_offset: int, now_ms: float, leader_end: int, broker_epoch: int) -> None:
        """It asked for `offset`, which its log ends at, while the leader's ended at `leader_end`."""
        if offset >= leader_end:
            self.caught_up_ms = max(self.caught_up_ms, now_ms)
        elif offset >= self._fetched_leader_end:
            self.caught_up_ms = max(self.caught_up_ms, self._fetched_ms)
        self._fetched_leader_end = max(self._fetched_leader_end, leader_end)
        self._fetched_ms = now_ms
        self.is_known = True
        self.log_end_offset = offset
        self.log_start_offset = log_start_offset
        self.broker_epoch = broker_epoch

    def fetched_again(self, now_ms: float) -> None:
        """Its session fetched at that time, and had nothing new to say or to hear of this partition."""
        if now_ms > self._fetched_ms:
            self._fetched_ms = now_ms
            if self.log_end_offset >= self._fetched_leader_end:
                self.caught_up_ms = max(self.caught_up_ms, now_ms)

    def last_heard_ms(self) -> float:
        """When it fetched last, whether it spoke of this partition or not."""
        return self._fetched_ms if self.told_by is None else max(self._fetched_ms, self.told_by.session.last_used_ms)

    def is_caught_up(self, leader_end: int, now_ms: float, lag_time_max_ms: float) -> bool:
        return self.log_end_offset == leader_end or now_ms - self.caught_up_ms <= lag_time_max_ms
