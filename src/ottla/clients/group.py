"""A member of a classic consumer group: joins, assigns if it leads, heartbeats, commits, leaves (KIP-62, KIP-345).

    unjoined ──join──► joining ──sync──► stable ──heartbeat says REBALANCE_IN_PROGRESS──► unjoined
                                           └──heartbeat says UNKNOWN_MEMBER_ID, FENCED…──► unjoined, without a member id

Eager rebalancing with the `range` assignor, so that it shares a group with any other client's default.
"""

import asyncio
from collections.abc import Mapping, Sequence

from ottla.clients.classic_group import ClassicGroup
from ottla.clients.client import KafkaClient
from ottla.clients.consumer import (
    LATEST_TIMESTAMP,
    ConsumedRecord,
    PartitionReader,
    TopicPartition,
    list_offsets,
)
from ottla.clients.errors import RebalanceError
from ottla.clients.offsets import commit_offsets, fetch_offsets
from ottla.protocol.api.join_group import JoinGroupResponse, JoinGroupResponseMember
from ottla.protocol.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolAssignmentTopicPartition,
    ConsumerProtocolSubscription,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.runtime.cancellation import raise_if_cancelled

PROTOCOL_TYPE = "consumer"
RANGE = "range"
SESSION_TIMEOUT_MS = 45_000
REBALANCE_TIMEOUT_MS = 60_000
HEARTBEAT_INTERVAL_MS = 3_000

_REJOIN = (
    ErrorCode.REBALANCE_IN_PROGRESS,
    ErrorCode.ILLEGAL_GENERATION,
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
)
"""After these it joins again, as whom and where the group knows."""


def assign_range(
    subscriptions: Mapping[str, Sequence[str]], partitions: Mapping[str, int]
) -> dict[str, dict[str, list[int]]]:
    """Member → topic → partitions: each topic's partitions in contiguous runs over its members in order of their ids.

    What Java's RangeAssignor gives to members without racks; topics without partitions are left out.
    """
    assignment: dict[str, dict[str, list[int]]] = {member: {} for member in subscriptions}
    for topic, count in sorted(partitions.items()):
        members = sorted(member for member, topics in subscriptions.items() if topic in topics)
        if not members:
            continue
        each, extra = divmod(count, len(members))
        start = 0
        for position, member in enumerate(members):
            stop = start + each + (1 if position < extra else 0)
            if stop > start:
                assignment[member][topic] = list(range(start, stop))
            start = stop
    return assignment


class GroupConsumer:
    """`async with GroupConsumer(client, "group", ["topic"]) as consumer: records = await consumer.poll()`.

    Positions start at the committed offsets, else where `reset_timestamp` says. `commit()` stores the positions of all
    that `poll` has returned. Leaving the context leaves the group.
    """

    def __init__(
        self,
        client: KafkaClient,
        group_id: str,
        topics: Sequence[str],
        *,
        group_instance_id: str | None = None,
        reset_timestamp: int = LATEST_TIMESTAMP,
        session_timeout_ms: int = SESSION_TIMEOUT_MS,
        rebalance_timeout_ms: int = REBALANCE_TIMEOUT_MS,
    ) -> None:
        self.topics = list(topics)
        self.reader = PartitionReader(client, {})
        self._client = client
        self._group = ClassicGroup(
            client,
            group_id,
            PROTOCOL_TYPE,
            session_timeout_ms=session_timeout_ms,
            rebalance_timeout_ms=rebalance_timeout_ms,
            group_instance_id=group_instance_id,
        )
        self._reset_timestamp = reset_timestamp
        self._rebalance_timeout_ms = rebalance_timeout_ms
        self._heartbeats: asyncio.Task[None] | None = None
        self._rejoin_needed = asyncio.Event()
        self._rejoin_needed.set()
        self._fatal: KafkaError | None = None

    async def __aenter__(self) -> "GroupConsumer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    @property
    def group_id(self) -> str:
        return self._group.group_id

    @property
    def member_id(self) -> str:
        return self._group.member_id

    @property
    def generation_id(self) -> int:
        return self._group.generation_id

    @property
    def assignment(self) -> list[TopicPartition]:
        return sorted(self.reader.positions)

    async def poll(self) -> list[ConsumedRecord]:
        """Records of the assigned partitions; rejoins first when the group rebalances."""
        if self._fatal is not None:
            raise self._fatal
        if self._rejoin_needed.is_set():
            await self._client.retry(self._join, timeout_ms=self._rebalance_timeout_ms * 2)
        generation = self.generation_id
        fetch = asyncio.ensure_future(self.reader.poll())
        rejoin = asyncio.ensure_future(self._rejoin_needed.wait())
        try:
            await asyncio.wait([fetch, rejoin], return_when=asyncio.FIRST_COMPLETED)
            if not fetch.done() and generation == self.generation_id:
                fetch.cancel()
                await asyncio.wait([fetch])  # until its positions are those of what was returned
                return []
            return await fetch
        finally:
            rejoin.cancel()

    async def commit(self) -> None:
        """Store the current positions; a rebalance meanwhile raises `KafkaError` and moves nothing."""
        if self.reader.positions:
            await commit_offsets(
                self._client,
                self.group_id,
                self.reader.positions,
                member_id=self.member_id,
                generation_id=self.generation_id,
                group_instance_id=self._group.group_instance_id,
            )

    async def leave(self) -> None:
        """Tell the coordinator, so that the others need not wait for the session to end. Static members stay."""
        if self._heartbeats is not None:
            self._heartbeats.cancel()
            self._heartbeats = None
        await self._group.leave("the consumer is being closed")

    # Joining

    async def _join(self) -> None:
        self._rejoin_needed.clear()
        self.reader.positions.clear()
        try:
            subscription = ConsumerProtocolSubscription(topics=sorted(self.topics))
            joined = await self._group.join([(RANGE, (0).to_bytes(2, "big") + subscription.encode(0))])
            await self._start_at(await self._sync(joined))
        except KafkaError as error:
            self._rejoin_needed.set()
            if error.code not in _REJOIN:
                raise
            raise RebalanceError(str(error)) from error
        except BaseException:
            self._rejoin_needed.set()
            raise
        if self._heartbeats is None:
            self._heartbeats = asyncio.get_running_loop().create_task(self._heartbeat_forever())

    async def _sync(self, joined: JoinGroupResponse) -> ConsumerProtocolAssignment:
        assignments = await self._assign(joined.members) if ClassicGroup.assigns(joined) else {}
        assignment = await self._group.sync(joined, assignments)
        if len(assignment) < 2:
            return ConsumerProtocolAssignment(assigned_partitions=[])
        version = min(int.from_bytes(assignment[:2], "big"), ConsumerProtocolAssignment.versions.latest)
        return ConsumerProtocolAssignment.decode(assignment, version, 2)

    async def _assign(self, members: Sequence[JoinGroupResponseMember]) -> dict[str, bytes]:
        subscriptions: dict[str, list[str]] = {}
        for member in members:
            version = min(int.from_bytes(member.metadata[:2], "big"), ConsumerProtocolSubscription.versions.latest)
            subscriptions[member.member_id] = ConsumerProtocolSubscription.decode(member.metadata, version, 2).topics
        wanted = {topic for topics in subscriptions.values() for topic in topics}
        metadata = await self._client.refresh_metadata(wanted)
        counts = {name: len(metadata.topics[name].partitions) for name in wanted if name in metadata.topics}
        return {
            member_id: _encode_assignment(partitions)
            for member_id, partitions in assign_range(subscriptions, counts).items()
        }

    async def _start_at(self, assignment: ConsumerProtocolAssignment) -> None:
        mine = [
            TopicPartition(each.topic, index) for each in assignment.assigned_partitions for index in each.partitions
        ]
        for topic in {where.topic for where in mine}:
            await self._client.topic(topic)
        committed = await fetch_offsets(self._client, self.group_id, mine) if mine else {}
        missing = {where: self._reset_timestamp for where in mine if where not in committed}
        found = await list_offsets(self._client, missing) if missing else {}
        positions = {where: committed[where].offset for where in mine if where in committed}
        self.reader.positions.update(positions | {where: each.offset for where, each in found.items()})

    # Staying

    async def _heartbeat_forever(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_INTERVAL_MS / 1000)
            if self._rejoin_needed.is_set():
                continue
            try:
                stays = await self._group.heartbeat()
            except Exception as error:  # the next poll finds the group again
                raise_if_cancelled()
                if isinstance(error, KafkaError) and error.code is ErrorCode.FENCED_INSTANCE_ID:
                    self._fatal = KafkaError(
                        error.code, f"another consumer took over '{self._group.group_instance_id}'"
                    )
                stays = False
            if not stays:
                self._rejoin_needed.set()


def _encode_assignment(partitions: Mapping[str, Sequence[int]]) -> bytes:
    assignment = ConsumerProtocolAssignment(
        assigned_partitions=[
            ConsumerProtocolAssignmentTopicPartition(topic=topic, partitions=list(indexes))
            for topic, indexes in partitions.items()
        ]
    )
    return (0).to_bytes(2, "big") + assignment.encode(0)
