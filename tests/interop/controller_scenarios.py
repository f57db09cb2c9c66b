"""What brokers, controllers and administrators ask of the active controller, played by nobody of them.

Brokers 1 to 5 on three racks (one without), 5 with two directories; `Script` knows their epochs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tests.peers.apache_kafka import CLUSTER_ID

from ottla.metadata.features import SUPPORTED_FEATURES
from ottla.protocol.api import controller_registration
from ottla.protocol.api.allocate_producer_ids import AllocateProducerIdsRequest
from ottla.protocol.api.alter_partition import (
    AlterPartitionRequest,
    AlterPartitionRequestPartitionData,
    AlterPartitionRequestTopicData,
    BrokerState,
)
from ottla.protocol.api.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from ottla.protocol.api.assign_replicas_to_dirs import (
    AssignReplicasToDirsRequest,
    AssignReplicasToDirsRequestDirectoryData,
    AssignReplicasToDirsRequestPartitionData,
    AssignReplicasToDirsRequestTopicData,
)
from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatRequest
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, Feature, Listener
from ottla.protocol.api.controller_registration import ControllerRegistrationRequest
from ottla.protocol.api.create_partitions import (
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
)
from ottla.protocol.api.create_topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
)
from ottla.protocol.api.delete_topics import DeleteTopicsRequest, DeleteTopicState
from ottla.protocol.api.elect_leaders import ElectLeadersRequest, TopicPartitions
from ottla.protocol.api.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from ottla.protocol.api.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsTopics,
)
from ottla.protocol.api.unregister_broker import UnregisterBrokerRequest
from ottla.protocol.api.update_features import FeatureUpdateKey, UpdateFeaturesRequest
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.interop.controller_oracle import Oracle

    from ottla.metadata.partition import PartitionRegistration

RACKS: Final = {1: "a", 2: "a", 3: "b", 4: "b", 5: None}
A, B, GONE = b"A" * 16, b"B" * 16, b"?" * 16
PREFERRED, UNCLEAN = 0, 1
UPGRADE, SAFE, UNSAFE = 1, 2, 3


def directories_of(broker_id: int) -> list[bytes]:
    return [A, B] if broker_id == 5 else [bytes([broker_id]) * 16]


class Script:
    """Requests by their meaning; each `step` is named by what is asked."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle

    def partition(self, topic: str, index: int = 0) -> PartitionRegistration:
        return self.oracle.image.topics.by_name[topic].partitions[index]

    def topic_id(self, topic: str) -> bytes:
        return self.oracle.image.topics.id_of(topic) or GONE

    def epoch(self, broker_id: int) -> int:
        broker = self.oracle.image.cluster.brokers.get(broker_id)
        return -1 if broker is None else broker.epoch

    async def register(
        self,
        broker_id: int,
        *,
        incarnation: int = 1,
        version: int = 4,
        previous_epoch: int = -1,
        features: Mapping[str, tuple[int, int]] | None = None,
        without: str = "",
        **values: object,
    ) -> None:
        levels = {name: (one.min_level, one.max_level) for name, one in SUPPORTED_FEATURES.items()} | dict(
            features or {}
        )
        request = BrokerRegistrationRequest(
            broker_id=broker_id,
            cluster_id=CLUSTER_ID,
            incarnation_id=bytes([incarnation]) * 16,
            listeners=[Listener(name="PLAINTEXT", host="localhost", port=9000 + broker_id, security_protocol=0)],
            features=[
                Feature(name=name, min_supported_version=oldest, max_supported_version=latest)
                for name, (oldest, latest) in levels.items()
                if name != without
            ],
            rack=RACKS.get(broker_id),
            log_dirs=directories_of(broker_id) if version >= 2 else [],
            previous_broker_epoch=previous_epoch if version >= 3 else -1,
        )
        for name, value in values.items():
            setattr(request, name, value)
        await self.oracle.ask(f"register {broker_id} v{version} {features or without or values}", request, version)

    def beat(
        self, broker_id: int, offset: int | None = None, *, epoch: int | None = None, **values: object
    ) -> BrokerHeartbeatRequest:
        request = BrokerHeartbeatRequest(
            broker_id=broker_id,
            broker_epoch=self.epoch(broker_id) if epoch is None else epoch,
            current_metadata_offset=self.oracle.image.offset if offset is None else offset,
            want_fence=False,
            want_shut_down=False,
        )
        for name, value in values.items():
            setattr(request, name, value)
        return request

    async def heartbeat(
        self, *broker_ids: int, offset: int | None = None, epoch: int | None = None, version: int = 2, **values: object
    ) -> None:
        for broker_id in broker_ids:
            request = self.beat(broker_id, offset, epoch=epoch, **values)
            await self.oracle.ask(f"heartbeat {broker_id} v{version} offset {offset} {values}", request, version)

    async def alter(
        self,
        topic: str,
        isr: Sequence[int],
        *,
        by: int | None = None,
        index: int = 0,
        version: int = 3,
        **values: object,
    ) -> None:
        partitions = self.oracle.image.topics.by_name[topic].partitions if topic != "?" else {}
        now = partitions.get(index)
        leader = (0 if now is None else now.leader) if by is None else by
        asked = AlterPartitionRequestPartitionData(
            partition_index=index,
            leader_epoch=0 if now is None else now.leader_epoch,
            partition_epoch=0 if now is None else now.partition_epoch,
        )
        epochs = {one: self.epoch(one) for one in isr} | values.pop("epochs", {})  # type: ignore[operator]
        if version >= 3:
            asked.new_isr_with_epochs = [BrokerState(broker_id=one, broker_epoch=epochs[one]) for one in isr]
        else:
            asked.new_isr = list(isr)
        broker_epoch = values.pop("broker_epoch", self.epoch(leader))
        for name, value in values.items():
            setattr(asked, name, value)
        topics = [AlterPartitionRequestTopicData(topic_id=self.topic_id(topic), partitions=[asked])]
        request = AlterPartitionRequest(broker_id=leader, broker_epoch=broker_epoch, topics=topics)  # type: ignore[arg-type]
        await self.oracle.ask(f"alter {topic}-{index} v{version} by {leader}: {isr} {values}", request, version)

    async def create(
        self,
        name: str,
        assignments: Sequence[Sequence[int]] = (),
        *,
        partitions: int = -1,
        factor: int = -1,
        configs: Mapping[str, str] | None = None,
        validate_only: bool = False,
    ) -> None:
        topic = CreatableTopic(
            name=name,
            num_partitions=partitions,
            replication_factor=factor,
            assignments=[
                CreatableReplicaAssignment(partition_index=index, broker_ids=list(replicas))
                for index, replicas in enumerate(assignments)
            ],
            configs=[CreatableTopicConfig(name=key, value=value) for key, value in (configs or {}).items()],
        )
        request = CreateTopicsRequest(topics=[topic], validate_only=validate_only)
        await self.oracle.ask(f"create {name} {assignments} {factor}", request, 7, placed=not assignments)

    async def add_partitions(self, name: str, count: int, assignments: Sequence[Sequence[int]] | None = None) -> None:
        wanted = None if assignments is None else [CreatePartitionsAssignment(broker_ids=list(a)) for a in assignments]
        topic = CreatePartitionsTopic(name=name, count=count, assignments=wanted)
        request = CreatePartitionsRequest(topics=[topic], timeout_ms=9_000, validate_only=False)
        await self.oracle.ask(f"{count} partitions of {name} {assignments}", request, 3, placed=assignments is None)

    async def elect(self, kind: int, topic: str | None, *indexes: int) -> None:
        wanted = None if topic is None else [TopicPartitions(topic=topic, partitions=list(indexes))]
        request = ElectLeadersRequest(election_type=kind, topic_partitions=wanted)
        await self.oracle.ask(f"elect {kind} {topic} {indexes}", request, 2)

    async def reassign(
        self, topic: str, replicas: Sequence[int] | None, *, index: int = 0, version: int = 1, may_change: bool = True
    ) -> None:
        wanted = None if replicas is None else list(replicas)
        partition = ReassignablePartition(partition_index=index, replicas=wanted)
        request = AlterPartitionReassignmentsRequest(topics=[ReassignableTopic(name=topic, partitions=[partition])])
        request.allow_replication_factor_change = may_change
        await self.oracle.ask(f"reassign {topic}-{index} to {replicas} {may_change}", request, version)

    async def list_reassignments(self, topic: str | None = None, *indexes: int) -> None:
        topics = (
            None if topic is None else [ListPartitionReassignmentsTopics(name=topic, partition_indexes=list(indexes))]
        )
        await self.oracle.ask(f"reassignments of {topic}", ListPartitionReassignmentsRequest(topics=topics), 0)

    async def assign(
        self, broker_id: int, placed: Mapping[bytes, Sequence[tuple[str, int]]], *, epoch: int | None = None
    ) -> None:
        directories = [
            AssignReplicasToDirsRequestDirectoryData(
                id=directory,
                topics=[
                    AssignReplicasToDirsRequestTopicData(
                        topic_id=self.topic_id(topic),
                        partitions=[AssignReplicasToDirsRequestPartitionData(partition_index=index)],
                    )
                    for topic, index in partitions
                ],
            )
            for directory, partitions in placed.items()
        ]
        broker_epoch = self.epoch(broker_id) if epoch is None else epoch
        request = AssignReplicasToDirsRequest(broker_id=broker_id, broker_epoch=broker_epoch, directories=directories)
        await self.oracle.ask(f"assign {broker_id} {placed}", request, 0)

    async def allocate(self, broker_id: int, epoch: int | None = None) -> None:
        broker_epoch = self.epoch(broker_id) if epoch is None else epoch
        request = AllocateProducerIdsRequest(broker_id=broker_id, broker_epoch=broker_epoch)
        await self.oracle.ask(f"producer ids for {broker_id}", request, 0)

    async def register_controller(self, controller_id: int, features: Mapping[str, tuple[int, int]]) -> None:
        request = ControllerRegistrationRequest(
            controller_id=controller_id,
            incarnation_id=b"c" * 16,
            zk_migration_ready=True,
            listeners=[controller_registration.Listener(name="CONTROLLER", host="h", port=93, security_protocol=0)],
            features=[
                controller_registration.Feature(name=name, min_supported_version=low, max_supported_version=high)
                for name, (low, high) in features.items()
            ],
        )
        await self.oracle.ask(f"controller {controller_id}", request, 0)

    async def update_features(self, *updates: tuple[str, int, int], validate_only: bool = False) -> None:
        request = UpdateFeaturesRequest(
            feature_updates=[
                FeatureUpdateKey(feature=name, max_version_level=level, upgrade_type=kind)
                for name, level, kind in updates
            ],
            validate_only=validate_only,
        )
        await self.oracle.ask(f"features {updates}", request, 2)

    async def configure(self, kind: int, name: str, key: str, value: str | None) -> None:
        config = AlterableConfig(name=key, config_operation=1 if value is None else 0, value=value)
        resource = AlterConfigsResource(resource_type=kind, resource_name=name, configs=[config])
        request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=False)
        await self.oracle.ask(f"config {kind} {name} {key}={value}", request, 1)

    async def unregister(self, broker_id: int) -> None:
        await self.oracle.ask(f"unregister {broker_id}", UnregisterBrokerRequest(broker_id=broker_id), 0)

    async def delete(self, name: str) -> None:
        state = DeleteTopicState(name=name, topic_id=ZERO_UUID)
        await self.oracle.ask(f"delete {name}", DeleteTopicsRequest(topics=[state], timeout_ms=9_000), 6)


async def brokers_register(script: Script) -> None:
    register = script.register
    await register(1, cluster_id="another")
    await register(1, is_migrating_zk_broker=True)
    for log_dirs in ([], [bytes(16)], [bytes(15) + b"\x02"], [bytes(15) + b"\x63"], [A, A]):
        await register(1, log_dirs=log_dirs)
    await register(1, without="metadata.version")
    await register(1, features={"metadata.version": (7, 8)})
    await register(1, features={"kraft.version": (1, 1)})
    await register(1, features={"kraft.version": (0, 0)})
    await register(1, without="kraft.version")
    await register(1, features={"group.version": (0, 0)})
    await register(1, features={"group.version": (2, 3)})
    await register(1, features={"unheard.of": (1, 2)})
    await register(1, features={"unheard.of": (0, 2)})
    for version in range(4):
        await register(2, version=version, incarnation=10 + version)
    for broker_id in RACKS:
        await register(broker_id)
    await register(3, rack="c")  # the same run
    await register(3)
    await register(2, incarnation=2)  # it has no session
    await register(2)
    await register(6, log_dirs=directories_of(1))
    await script.heartbeat(1, epoch=0)
    await script.heartbeat(77, epoch=0)
    await script.heartbeat(1, offset=script.epoch(1) - 1)
    await script.heartbeat(1, want_fence=True)
    await script.heartbeat(1, offset=script.epoch(1), version=0)
    await script.heartbeat(2, version=1)
    await script.heartbeat(1, 2, 3, 4, 5, cordoned_log_dirs=[])
    await script.heartbeat(1, 2, 3, 4, 5, cordoned_log_dirs=[])
    await register(1, incarnation=9)  # the other lives
    await register(1, rack="z")
    await register(1)
    await script.heartbeat(1, cordoned_log_dirs=[])


async def topics_are_made(script: Script) -> None:
    create = script.create
    await create("t", [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 1]], configs={"min.insync.replicas": "2"})
    await create("u", [[1, 2]], configs={"unclean.leader.election.enable": "true"})
    await create("single", [[5]])
    await create("placed", partitions=6, factor=3)
    await create("tried", partitions=6, factor=3, validate_only=True)
    await create("too-many", partitions=1, factor=6)
    await create("t", [[1]])
    wrong: tuple[list[list[int]], ...] = ([[1, 1]], [[1, 77]], [[1, 2], [3]], [[]])
    for assignments in wrong:
        await create("wrong", assignments)
    await create("wrong", [[1]], partitions=1)
    await create("wrong", [[1]], factor=1)
    await create("wrong", partitions=0, factor=1)
    await create("wrong", partitions=1, factor=0)
    await script.add_partitions("placed", 8)
    await script.add_partitions("placed", 8)
    await script.add_partitions("placed", 7)
    await script.add_partitions("?", 7)
    await script.add_partitions("u", 2, [[3, 4]])
    await script.add_partitions("u", 3, [[3]])
    await script.add_partitions("u", 3, [[3, 77]])
    await script.add_partitions("u", 3, [[3, 4], [4, 5]])
    await script.delete("single")
    await script.delete("single")
    await create("single", [[5]])


async def leaders_tell_who_is_in_sync(script: Script) -> None:
    alter = script.alter
    await alter("t", [1, 2])
    await alter("t", [1, 2, 3], version=2)
    await alter("t", [1, 2, 3])
    await alter("t", [1])  # below min.insync.replicas
    await alter("t", [1, 3])
    await alter("t", [1], version=2)
    await alter("?", [1], by=1)
    await alter("t", [1], by=1, index=9)
    await alter("t", [1, 2], leader_epoch=7)
    await alter("t", [1, 2], partition_epoch=77)
    await alter("t", [1, 2], leader_epoch=-1)
    await alter("t", [1, 2], by=2)
    await alter("t", [1, 2], partition_epoch=0)
    for wrong in ([1, 5], [1, 1], [2], []):
        await alter("t", wrong)
    await alter("t", [1], leader_recovery_state=1)
    await alter("t", [1, 2], broker_epoch=0)
    await alter("t", [1, 2], epochs={2: 0})
    await alter("t", [1, 2], epochs={2: -1})
    await alter("t", [1, 2, 3])
    await script.heartbeat(2, want_fence=True)
    await alter("t", [1, 2, 3])
    await alter("t", [1, 3, 2], version=2)
    await script.heartbeat(2)
    await script.create("with-fenced", [[2, 1]])


async def replicas_move(script: Script) -> None:
    reassign, alter = script.reassign, script.alter
    await alter("t", [1, 2, 3])
    await reassign("t", None)
    await reassign("?", [1])
    await reassign("t", [1], index=9)
    for wrong in ([1, 77], [1, 1], []):
        await reassign("t", wrong)
    await reassign("t", [1, 2], may_change=False)
    await reassign("t", [3, 2, 1])  # only the order
    await reassign("t", [1, 2, 3])
    await reassign("t", [1, 4, 5])
    await script.list_reassignments()
    await script.list_reassignments("t", 0, 1, 9)
    await script.list_reassignments("?", 0)
    await alter("t", [1, 2, 3, 4])
    await reassign("t", [1, 5, 2], may_change=False)  # instead
    await alter("t", [1, 2, 3, 4, 5])
    await script.list_reassignments()
    await reassign("t", [3, 4], index=1)
    await alter("t", [2, 3, 4], index=1)  # another leads then
    await reassign("t", [1, 2], index=2)
    await alter("t", [3, 4, 5, 1], index=2)
    await reassign("t", None, index=2)
    await reassign("t", [1], index=2)  # fewer: all must be in sync
    await alter("t", [3, 4, 5, 1], index=2)
    await reassign("t", [1, 4, 5], index=2, version=0)
    await alter("t", [1, 4, 5], index=2, by=1)


async def leaders_change(script: Script) -> None:
    await script.heartbeat(1, 2, 3, 4, 5)
    await script.heartbeat(1, want_fence=True)
    await script.heartbeat(1)
    await script.elect(PREFERRED, "t", 0, 3, 9)
    await script.elect(PREFERRED, "?", 0)
    await script.elect(7, "t", 0)
    await script.alter("t", [5, 2, 1])
    await script.elect(PREFERRED, "t", 0)
    await script.elect(UNCLEAN, "t", 0)
    await script.elect(PREFERRED, None)
    await script.heartbeat(1, want_fence=True)
    await script.heartbeat(2, want_fence=True)  # nobody is left of u
    await script.elect(UNCLEAN, "u", 0)
    await script.heartbeat(1)  # it is allowed there
    await script.elect(PREFERRED, "u", 0)
    await script.heartbeat(2)
    await script.alter("u", [1], leader_recovery_state=1)
    await script.alter("u", [1, 2], leader_recovery_state=1)
    await script.alter("u", [script.partition("u").leader])
    await script.alter("u", [1, 2])
    await script.configure(2, "t", "unclean.leader.election.enable", "true")
    for broker_id in script.partition("t", 3).replicas:
        await script.heartbeat(broker_id, want_fence=True)
    await script.elect(UNCLEAN, "t", 3)
    await script.heartbeat(script.partition("t", 3).replicas[0])
    await script.elect(UNCLEAN, None)
    await script.heartbeat(1, 2, 3, 4, 5)
    await script.elect(PREFERRED, None)
    await script.configure(2, "t", "min.insync.replicas", "3")
    await script.configure(4, "", "min.insync.replicas", "2")
    await script.configure(2, "t", "unclean.leader.election.enable", None)


async def directories_change(script: Script) -> None:
    assign = script.assign
    await script.heartbeat(5, cordoned_log_dirs=[A])
    await script.create("half-cordoned", partitions=1, factor=5)
    await script.heartbeat(5, cordoned_log_dirs=[A, B])
    await script.create("cordoned", partitions=1, factor=5)
    await script.create("cordoned", partitions=3, factor=4)
    await script.create("at-hand", [[5, 1]])
    await script.heartbeat(5, cordoned_log_dirs=[])
    await assign(5, {A: [("single", 0), ("at-hand", 0)], B: [("t", 2)]})
    await assign(5, {A: [("single", 0)], B: [("at-hand", 0)]})
    await assign(5, {A: [("?", 0), ("single", 9)], B: [("u", 0)]})
    await assign(5, {A: []}, epoch=0)
    await script.heartbeat(5, offline_log_dirs=[B, GONE])
    await script.heartbeat(5, offline_log_dirs=[B])
    await assign(5, {B: [("single", 0)]})
    await script.elect(PREFERRED, None)
    await script.elect(UNCLEAN, "single", 0)
    await assign(5, {A: [("single", 0)]})
    await script.heartbeat(5, want_fence=True, offline_log_dirs=[B])
    await script.heartbeat(5, offline_log_dirs=[B])


async def the_rest(script: Script) -> None:
    await script.allocate(1)
    await script.allocate(2)
    await script.allocate(2, epoch=0)
    await script.allocate(77)
    update = script.update_features
    await update(("nope", 1, UPGRADE))
    await update(("group.version", 0, UPGRADE))
    await update(("group.version", 0, SAFE), validate_only=True)
    await update(("group.version", 0, SAFE), ("transaction.version", 1, SAFE))
    await script.register_controller(3001, {"metadata.version": (7, 30), "transaction.version": (0, 1)})
    await update(("transaction.version", 2, UPGRADE))
    await update(("group.version", 1, UPGRADE))
    await script.register_controller(3001, {name: (r.min_level, r.max_level) for name, r in SUPPORTED_FEATURES.items()})
    await update(("group.version", 1, UPGRADE), ("transaction.version", 2, UPGRADE))
    await update(("metadata.version", 6, UNSAFE))
    await update(("metadata.version", 31, UPGRADE))
    await script.register(6)
    await script.unregister(6)
    await script.unregister(6)
    await script.heartbeat(6, epoch=0)


async def brokers_stop(script: Script) -> None:
    """In order: 1 leads something, and waits until the others know; 2 leads nothing any more."""
    stop = {"want_shut_down": True}
    await script.heartbeat(1, 2, 3, 4, 5)
    await script.heartbeat(1, 2, 3, 4, 5)
    await script.elect(PREFERRED, None)
    await script.heartbeat(1, **stop)
    behind = script.oracle.image.offset - 1
    await script.heartbeat(2, 3, 4, 5, offset=behind)
    await script.heartbeat(1, **stop)
    await script.create("meanwhile", partitions=4, factor=3)
    await script.create("meanwhile-by-hand", [[1, 2]])
    await script.alter("meanwhile-by-hand", [2, 1])
    await script.heartbeat(2, 3, 4, 5)
    await script.heartbeat(1, **stop)
    await script.heartbeat(1, epoch=script.epoch(1), **stop)
    await script.heartbeat(4, want_fence=True, **stop)
    await script.heartbeat(3, want_fence=True)
    await script.heartbeat(3, **stop)


async def brokers_come_back(script: Script) -> None:
    """After another controller has taken over: nobody who is fenced has a session."""
    await script.register(1, incarnation=21, previous_epoch=script.epoch(1))
    await script.register(3, incarnation=21, previous_epoch=script.epoch(3) - 1)
    await script.register(4, incarnation=21)
    await script.register(2, incarnation=21)  # it lives
    await script.heartbeat(5, want_shut_down=True)
    await script.heartbeat(1, 2, 3, 4, cordoned_log_dirs=[])
    await script.heartbeat(1, 2, 3, 4, cordoned_log_dirs=[])
    await script.elect(PREFERRED, None)


async def without_elr(script: Script) -> None:
    """As clusters were before 4.1."""
    await script.update_features(("eligible.leader.replicas.version", 0, SAFE))
    await script.create("plain", [[1, 2], [2, 1]], configs={"min.insync.replicas": "2"})
    await script.heartbeat(1, want_fence=True)
    await script.heartbeat(2, want_fence=True)
    await script.heartbeat(1)
    await script.heartbeat(2)
    await script.elect(UNCLEAN, None)
    await script.alter("plain", [script.partition("plain").leader])
    await script.update_features(("eligible.leader.replicas.version", 1, UPGRADE))


async def play(oracle: Oracle) -> Script:
    script = Script(oracle)
    await brokers_register(script)
    await topics_are_made(script)
    await leaders_tell_who_is_in_sync(script)
    await replicas_move(script)
    await leaders_change(script)
    await directories_change(script)
    await the_rest(script)
    await brokers_stop(script)
    return script


async def sessions_end(script: Script, *silent: int, limit_s: float) -> None:
    """While 1 and 2 live on."""
    fenced: list[int] = []
    async with asyncio.timeout(limit_s):
        while not set(silent) <= set(fenced):
            for broker_id in (1, 2):
                await script.oracle.keep_alive(script.beat(broker_id))
            await asyncio.sleep(0.5)
            fenced += script.oracle.fenced_by_time()
    assert not {1, 2} & set(fenced)
