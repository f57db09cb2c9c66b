"""Members of a share group (KIP-932): they take records, accept most, give some back, refuse some, and forget some.

A request that fails ends the session with that broker: what it was to acknowledge comes back to somebody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause

from ottla.clients.consumer import TopicPartition, by_leader
from ottla.protocol.api import share_fetch
from ottla.protocol.api.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.api.share_group_heartbeat import ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import iterate_batches
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger

    from ottla.clients.client import KafkaClient

GROUP_RESOURCE = 32
ACCEPT, RELEASE, REJECT = 1, 2, 3
FORGET = 0
LEAVE_ONE_IN = 60
BEAT_EVERY_S = 0.8
MAX_RECORDS = 20


@dataclass(slots=True)
class ShareMembers:
    topic: str = "records"
    partitions: int = 3
    group: str = "share"
    members: int = 2
    topics: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.topics = {self.topic: self.partitions}

    def start(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        for number in range(self.members):
            cluster.client(f"member-{self.group}-{number}", lambda client: self._take_part(client, ledger))

    async def _take_part(self, client: SimulatedClient, ledger: Ledger) -> None:
        joined = 0
        while not client.cluster.is_ending:
            kafka = await connected(client)
            joined += 1
            member = ShareMember(client, kafka, self, f"{client.name}/{client.lives}/{joined}", ledger)
            try:
                await member.start_at_the_beginning()
                while not client.cluster.is_ending and client.random.randrange(LEAVE_ONE_IN):
                    await member.turn()
                await member.beat(leaves=True)
            except MAY_PASS:
                ledger.count("members lost")
                await pause(client, 0.2)
            kafka.close()


@dataclass(slots=True)
class Session:
    """With one broker."""

    epoch: int = 0
    acquired: dict[TopicPartition, dict[int, int]] = field(default_factory=dict)
    """Offset: what will be said of it in the next request."""


class ShareMember:
    """Between joining and leaving."""

    def __init__(
        self, client: SimulatedClient, kafka: KafkaClient, group: ShareMembers, member_id: str, ledger: Ledger
    ) -> None:
        self.member_id = member_id
        self._client = client
        self._kafka = kafka
        self._group = group
        self._ledger = ledger
        self._epoch = 0
        self._topic_id = ZERO_UUID
        self._assigned: list[TopicPartition] = []
        self._sessions: dict[int, Session] = {}
        self._beat_at = 0.0

    async def start_at_the_beginning(self) -> None:
        config = AlterableConfig(name="share.auto.offset.reset", config_operation=0, value="earliest")
        resource = AlterConfigsResource(resource_type=GROUP_RESOURCE, resource_name=self._group.group, configs=[config])
        request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=False)
        answer = await self._kafka.send_any(request, IncrementalAlterConfigsResponse)
        _check(answer.responses[0].error_code)
        self._topic_id = (await self._kafka.topic(self._group.topic)).topic_id

    async def turn(self) -> None:
        now = self._client.cluster.now
        if now >= self._beat_at:
            self._beat_at = now + BEAT_EVERY_S
            await self._kafka.retry(self.beat)
        if self._assigned:
            for leader, partitions in (await by_leader(self._kafka, self._assigned)).items():
                await self._fetch(leader, partitions)
        await pause(self._client, 0.1)

    async def beat(self, *, leaves: bool = False) -> None:
        group = self._group
        request = ShareGroupHeartbeatRequest(
            group_id=group.group,
            member_id=self.member_id,
            member_epoch=-1 if leaves else self._epoch,
            subscribed_topic_names=[group.topic] if self._epoch == 0 else None,
        )
        coordinator = await self._kafka.coordinator(group.group)
        answer = await self._kafka.send_to(coordinator, request, ShareGroupHeartbeatResponse)
        _check(answer.error_code)
        self._epoch = answer.member_epoch
        if answer.assignment is not None:
            self._assigned = [
                TopicPartition(group.topic, index)
                for each in answer.assignment.topic_partitions
                for index in each.partitions
            ]

    # ── records ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _fetch(self, leader: int, partitions: list[TopicPartition]) -> None:
        session = self._sessions.setdefault(leader, Session())
        said, session.acquired = session.acquired, {}
        for where, words in said.items():
            self._ledger.share_asked.update((where, offset) for offset, word in words.items() if word != RELEASE)
        request, asked_at = self._request(session, partitions, said), self._client.cluster.now
        try:
            answer = await self._kafka.send_to(leader, request, share_fetch.ShareFetchResponse)
            _check(answer.error_code)
        except MAY_PASS:
            del self._sessions[leader]
            self._kafka.metadata.topics.pop(self._group.topic, None)
            self._ledger.count("share sessions lost")
            await pause(self._client, 0.1)
            return
        session.epoch += 1
        for topic in answer.responses:
            for data in topic.partitions:
                where = TopicPartition(self._group.topic, data.partition_index)
                self._acknowledged(where, data.acknowledge_error_code, said.get(where, {}))
                self._take(where, data, asked_at, session)

    def _request(
        self, session: Session, partitions: list[TopicPartition], said: dict[TopicPartition, dict[int, int]]
    ) -> share_fetch.ShareFetchRequest:
        wanted = [
            share_fetch.FetchPartition(
                partition_index=where.partition,
                acknowledgement_batches=[
                    share_fetch.AcknowledgementBatch(first_offset=offset, last_offset=offset, acknowledge_types=[word])
                    for offset, word in sorted(said.get(where, {}).items())
                ],
            )
            for where in sorted({*partitions, *said})
        ]
        return share_fetch.ShareFetchRequest(
            group_id=self._group.group,
            member_id=self.member_id,
            share_session_epoch=session.epoch,
            max_wait_ms=200,
            min_bytes=1,
            max_bytes=1_000_000,
            max_records=MAX_RECORDS,
            batch_size=MAX_RECORDS,
            topics=[share_fetch.FetchTopic(topic_id=self._topic_id, partitions=wanted)],
            forgotten_topics_data=[],
        )

    def _acknowledged(self, where: TopicPartition, code: int, words: dict[int, int]) -> None:
        if code == ErrorCode.NONE:
            now = self._client.cluster.now
            for offset, word in words.items():
                if word != RELEASE:
                    self._ledger.share_done.setdefault((where, offset), now)
            self._ledger.count("share acknowledgements", len(words))

    def _take(self, where: TopicPartition, data: share_fetch.PartitionData, asked_at: float, session: Session) -> None:
        if data.error_code != ErrorCode.NONE:
            self._kafka.metadata.topics.pop(self._group.topic, None)
            return
        acquired = {
            offset for each in data.acquired_records for offset in range(each.first_offset, each.last_offset + 1)
        }
        values = _values(data.records)
        for offset in sorted(acquired):
            done = self._ledger.share_done.get((where, offset))
            assert done is None or done >= asked_at, f"NoAcknowledgementLost: {where} {offset} is given out again"
            self._ledger.share_given.add((where, offset))
            if offset in values:
                self._ledger.consumed(where, offset, values[offset])
            word = self._client.random.choices((ACCEPT, RELEASE, REJECT, FORGET), (16, 1, 1, 1))[0]
            if word != FORGET:
                session.acquired.setdefault(where, {})[offset] = word


def _values(records: object) -> dict[int, bytes]:
    if not isinstance(records, memoryview):
        return {}
    return {
        offset: value or b""
        for at, header in iterate_batches(records, cut_is_end=True)
        if not header.is_control
        for offset, _, _, value, _ in iterate_records(records, at, header)
    }


def _check(code: int) -> None:
    if code != ErrorCode.NONE:
        raise KafkaError(error_code(code), "share group")
