"""Members of a consumer group (KIP-848) or a streams group (KIP-1071): as `group_members`, with epochs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.cluster.workloads.epoch_membership import OUT
from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause

from ottla.clients.consumer import PartitionReader, TopicPartition
from ottla.clients.offsets import commit_offsets, fetch_offsets
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger
    from tests.simulation.cluster.workloads.epoch_membership import ConsumerMembership, StreamsMembership

    from ottla.clients.client import KafkaClient

LEAVE_ONE_IN = 60
BEAT_EVERY_S = 0.8


@dataclass(slots=True)
class EpochMembers:
    group: str
    membership: type[ConsumerMembership | StreamsMembership]
    topic: str = "records"
    partitions: int = 3
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
            member_id = f"{client.name}/{client.lives}/{joined}"
            member = Member(client, kafka, self.membership(kafka, self.group, member_id, self.topic), ledger)
            try:
                while not client.cluster.is_ending and client.random.randrange(LEAVE_ONE_IN):
                    await member.turn_or_start_over()
                await member.membership.leave()
            except MAY_PASS:
                ledger.count("members lost")
                await pause(client, 0.2)
            kafka.close()


class Member:
    """Between joining and leaving."""

    def __init__(
        self,
        client: SimulatedClient,
        kafka: KafkaClient,
        membership: ConsumerMembership | StreamsMembership,
        ledger: Ledger,
    ) -> None:
        self.membership = membership
        self._client = client
        self._kafka = kafka
        self._ledger = ledger
        self._reader = PartitionReader(kafka, {}, max_wait_ms=200)
        self._beat_at = 0.0

    async def turn_or_start_over(self) -> None:
        try:
            await self._turn()
        except KafkaError as error:
            if error.code in OUT:
                self._reader.positions.clear()
            elif error.code is not ErrorCode.STALE_MEMBER_EPOCH:
                raise
            self._beat_at = 0.0

    async def _turn(self) -> None:
        now = self._client.cluster.now
        if now >= self._beat_at:
            self._beat_at = now + BEAT_EVERY_S
            await self._own(await self._kafka.retry(self.membership.beat))
        if not self._reader.positions:
            await pause(self._client, 0.1)
            return
        for record in await self._reader.poll():
            assert record.value is not None
            self._ledger.consumed(TopicPartition(record.topic, record.partition), record.offset, record.value)
        if self._client.random.random() < 0.5:
            await self._commit()
        await pause(self._client, 0.05)

    async def _own(self, owned: set[TopicPartition]) -> None:
        """What is given up is committed first, if it can be."""
        positions = self._reader.positions
        if positions.keys() - owned:
            await self._commit()
            for where in positions.keys() - owned:
                del positions[where]
            self._beat_at = 0.0  # that it is free is said at once
        new = owned - positions.keys()
        if new:
            committed = await fetch_offsets(self._kafka, self.membership.group, sorted(new))
            positions.update({where: committed[where].offset if where in committed else 0 for where in sorted(new)})
            self._beat_at = 0.0

    async def _commit(self) -> None:
        group, ledger = self.membership.group, self._ledger
        offsets = dict(self._reader.positions)
        for where, offset in offsets.items():
            ledger.commits_asked.setdefault((group, where), set()).add(offset)
        await commit_offsets(
            self._kafka,
            group,
            offsets,
            member_id=self.membership.member_id,
            generation_id=self.membership.epoch,
        )
        for where, offset in offsets.items():
            ledger.commits[group, where] = offset
        ledger.count(f"commits of {group}", len(offsets))
