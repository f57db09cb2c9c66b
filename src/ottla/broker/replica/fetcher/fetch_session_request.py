"""The fetcher's side of a fetch session (KIP-227): a request says only what is not known to the leader yet.

full          every partition; the leader answers with a session id, or 0: it has no room for one
incremental   what has changed, and what is to be forgotten
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.protocol.api.fetch import FetchTopic, ForgottenTopic
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ottla.broker.replica.fetcher.followed_partition import FollowedPartition
    from ottla.protocol.api.fetch import FetchPartition, FetchResponse

NO_SESSION: Final = 0
FULL: Final = 0
MAX_EPOCH: Final = 2**31 - 1

PartitionKey: TypeAlias = tuple[bytes, int]


class FetchSessionRequest:
    """`id` and `epoch` of the next request."""

    __slots__ = ("_forgotten", "_known", "_unsaid", "epoch", "id")

    def __init__(self) -> None:
        self.id = NO_SESSION
        self.epoch = FULL
        self._known: set[PartitionKey] = set()
        self._unsaid: dict[PartitionKey, FollowedPartition] = {}
        self._forgotten: dict[PartitionKey, None] = {}

    def say(self, followed: FollowedPartition) -> None:
        """The leader has to be told of this one, for the first time or anew."""
        self._unsaid[followed.key] = followed
        self._forgotten.pop(followed.key, None)

    def forget(self, key: PartitionKey) -> None:
        self._unsaid.pop(key, None)
        if key in self._known:
            self._forgotten[key] = None

    def topics(
        self, fetched: Iterable[FollowedPartition], ask: Callable[[FollowedPartition], FetchPartition]
    ) -> tuple[list[FetchTopic], list[ForgottenTopic]]:
        """What the next request says. `fetched`: all that are fetched at present."""
        if self.epoch == FULL:
            self._known.clear()
            self._forgotten.clear()
            said: Iterable[FollowedPartition] = fetched
        else:
            said = self._unsaid.values()
        topics: dict[bytes, FetchTopic] = {}
        for followed in said:
            topic_id = followed.key[0]
            topic = topics.get(topic_id)
            if topic is None:
                topic = topics[topic_id] = FetchTopic(topic=followed.partition.topic, topic_id=topic_id, partitions=[])
            topic.partitions.append(ask(followed))
            self._known.add(followed.key)
        self._unsaid = {}
        forgotten: dict[bytes, ForgottenTopic] = {}
        for topic_id, index in self._forgotten:
            forgotten.setdefault(topic_id, ForgottenTopic(topic_id=topic_id, partitions=[])).partitions.append(index)
            self._known.discard((topic_id, index))
        self._forgotten.clear()
        return list(topics.values()), list(forgotten.values())

    def answered(self, response: FetchResponse) -> bool:
        """Whether the answer is one; else the next request is full."""
        error = response.error_code
        if error:
            self.epoch = FULL
            if error == ErrorCode.FETCH_SESSION_ID_NOT_FOUND:
                self.id = NO_SESSION
            return False
        self.id = response.session_id
        if self.id == NO_SESSION:
            self.epoch = FULL
        else:
            self.epoch = 1 if self.epoch == MAX_EPOCH else self.epoch + 1
        return True

    def lost(self) -> None:
        """There is no answer: what the leader knows is not known here. It is to close the session, if it is there."""
        self.epoch = FULL
