"""All share partitions that this node leads, and the sessions of the members that fetch them.

A share partition is loaded when somebody first asks for it, and forgotten when it is led elsewhere, deleted, fenced,
or when the last session of its group is over: what an administrator then changes is read when the next one comes.
Kafka's SharePartitionManager, SharePartitionCache.
"""

from collections.abc import Callable

from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import ClientConnection
from ottla.broker.share.share_partition import Life, Persister, SharePartition
from ottla.broker.share.share_session import ShareSession, ShareSessions, TopicPartition
from ottla.coordinator.group.share.config import ShareGroupConfig
from ottla.coordinator.share.share_partition_state import SharePartitionKey
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import MetadataImage
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Clock, Timers


class SharePartitions:
    """`config_of` gives the effective configs of a group."""

    def __init__(
        self,
        replicas: ReplicaManager,
        persister: Persister,
        config_of: Callable[[str], ShareGroupConfig],
        clock: Clock,
        timers: Timers,
        *,
        max_sessions: int,
    ) -> None:
        self.config_of = config_of
        self.sessions = ShareSessions(max_sessions)
        self._replicas = replicas
        self._persister = persister
        self._clock = clock
        self._timers = timers
        self._by_group: dict[str, dict[TopicPartition, SharePartition]] = {}

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        """Forget what is led elsewhere or gone. After the replica manager has followed."""
        del image
        if not delta.changed_topics and not delta.deleted_topics:
            return
        for group_id in list(self._by_group):
            group = self._by_group[group_id]
            for where in [where for where, each in group.items() if not each.is_current]:
                group.pop(where).end(ErrorCode.NOT_LEADER_OR_FOLLOWER)
            if not group:
                del self._by_group[group_id]

    def close(self) -> None:
        for group_id in list(self._by_group):
            self.forget_group(group_id)

    # -- share partitions

    def find(self, group_id: str, where: TopicPartition) -> SharePartition | ErrorCode:
        """The share partition, perhaps still loading, or why there is none here."""
        group = self._by_group.get(group_id)
        known = None if group is None else group.get(where)
        if known is not None and group is not None:
            if known.is_current:
                return known
            del group[where]
            if known.life is not Life.GONE:
                known.end(ErrorCode.NOT_LEADER_OR_FOLLOWER)
            elif known.error is not ErrorCode.NONE:
                return known.error
        partition = self._replicas.find_by_id(where.topic_id, where.partition)
        if isinstance(partition, ErrorCode):
            return partition
        if not partition.is_leader:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        made = SharePartition(
            SharePartitionKey(group_id, where.topic_id, where.partition),
            partition,
            self._persister,
            lambda: self.config_of(group_id),
            self._clock,
            self._timers,
        )
        self._by_group.setdefault(group_id, {})[where] = made
        made.load()
        if made.life is Life.GONE and made.error is not ErrorCode.NONE:
            self._by_group[group_id].pop(where, None)
            return made.error
        return made

    def forget_group(self, group_id: str) -> None:
        for each in self._by_group.pop(group_id, {}).values():
            each.end()

    # -- sessions

    def open_session(self, group_id: str, member_id: str, connection: ClientConnection) -> ShareSession | ErrorCode:
        session = self.sessions.open(group_id, member_id, connection)
        if isinstance(session, ShareSession):
            self._watch(session, connection)
        return session

    def next_session(
        self, group_id: str, member_id: str, epoch: int, connection: ClientConnection
    ) -> ShareSession | ErrorCode:
        session = self.sessions.next(group_id, member_id, epoch)
        if isinstance(session, ShareSession) and session.connection is not connection:
            session.connection = connection
            self._watch(session, connection)
        return session

    def _watch(self, session: ShareSession, connection: ClientConnection) -> None:
        def closed() -> None:
            if session.connection is connection:
                self.close_session(session)

        connection.on_closed[session.group_id, session.member_id] = closed

    def close_session(self, session: ShareSession) -> None:
        """The member is gone, or says that it is about to be."""
        if not self.sessions.remove(session):
            return
        session.connection.on_closed.pop((session.group_id, session.member_id), None)
        for each in list(self._by_group.get(session.group_id, {}).values()):
            each.release(session.member_id)
        if not self.sessions.has_group(session.group_id):
            self.forget_group(session.group_id)
