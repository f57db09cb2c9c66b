"""Share sessions: which partitions a member of a share group fetches here, and how far its requests have come. KIP-932.

    epoch 0    a new session; any other of the member is forgotten
    epoch n    the next request of the session, n = 1, 2, … (after 2³¹ - 1 comes 1 again)
    epoch -1   the last: what the member has in flight is released

A session belongs to the connection that it was last used by and ends with it. Bounded by
`group.share.max.share.sessions`. Kafka's ShareSession, ShareSessionCache.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from ottla.broker.request_context import ClientConnection
from ottla.protocol.errors import ErrorCode

INITIAL_EPOCH: Final = 0
FINAL_EPOCH: Final = -1
_LAST_EPOCH: Final = 2**31 - 1


class TopicPartition(NamedTuple):
    topic_id: bytes
    partition: int


class ShareSession:
    """`epoch` is that of the next request; `partitions` are in the order in which the member named them."""

    __slots__ = ("connection", "epoch", "group_id", "member_id", "partitions")

    def __init__(self, group_id: str, member_id: str, connection: ClientConnection) -> None:
        self.group_id = group_id
        self.member_id = member_id
        self.connection = connection
        self.epoch = 1
        self.partitions: dict[TopicPartition, None] = {}

    def advance(self) -> None:
        self.epoch = 1 if self.epoch == _LAST_EPOCH else self.epoch + 1

    def want(self, wanted: Iterable[TopicPartition], forgotten: Iterable[TopicPartition]) -> None:
        for each in wanted:
            self.partitions.setdefault(each, None)
        for each in forgotten:
            self.partitions.pop(each, None)

    def in_turn(self) -> list[TopicPartition]:
        """All partitions, beginning with another one each time, so that each gets its turn."""
        partitions = list(self.partitions)
        if not partitions:
            return partitions
        shift = self.epoch % len(partitions)
        return partitions[shift:] + partitions[:shift]


class ShareSessions:
    def __init__(self, max_sessions: int) -> None:
        self._max_sessions = max_sessions
        self._by_group: dict[str, dict[str, ShareSession]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def open(self, group_id: str, member_id: str, connection: ClientConnection) -> ShareSession | ErrorCode:
        """A new session, in the place of the member's old one if it has one."""
        members = self._by_group.setdefault(group_id, {})
        if member_id not in members:
            if self._count >= self._max_sessions:
                if not members:
                    del self._by_group[group_id]
                return ErrorCode.SHARE_SESSION_LIMIT_REACHED
            self._count += 1
        session = members[member_id] = ShareSession(group_id, member_id, connection)
        return session

    def next(self, group_id: str, member_id: str, epoch: int) -> ShareSession | ErrorCode:
        """The session that a request with this epoch (not 0) is of; it expects the next epoch afterwards."""
        session = self._by_group.get(group_id, {}).get(member_id)
        if session is None:
            return ErrorCode.SHARE_SESSION_NOT_FOUND
        if epoch != FINAL_EPOCH:
            if epoch != session.epoch:
                return ErrorCode.INVALID_SHARE_SESSION_EPOCH
            session.advance()
        return session

    def remove(self, session: ShareSession) -> bool:
        """Whether it was there; a session whose place another one took is not."""
        if not self.is_open(session):
            return False
        members = self._by_group[session.group_id]
        del members[session.member_id]
        self._count -= 1
        if not members:
            del self._by_group[session.group_id]
        return True

    def is_open(self, session: ShareSession) -> bool:
        return self._by_group.get(session.group_id, {}).get(session.member_id) is session

    def has_group(self, group_id: str) -> bool:
        return group_id in self._by_group
