"""A group coordinator without a broker: time stands still until it is told to pass, and the log is a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ottla.coordinator.group.classic_group import ClassicGroup
from ottla.coordinator.group.config import GroupCoordinatorConfig
from ottla.coordinator.group.records import decode_record, encode_record
from ottla.coordinator.group.shard import GroupShard
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.heartbeat import HeartbeatRequest
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.api.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.api.offset_fetch import OffsetFetchRequestGroup, OffsetFetchRequestTopics
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse
from ottla.protocol.consumer_protocol import ConsumerProtocolSubscription
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, TimerKey, TimerResult

T = TypeVar("T")
START_MS = 1_700_000_000_000


class FakeClock:
    def __init__(self) -> None:
        self.time_ms = START_MS

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> float:
        return float(self.time_ms)


class FakeTimers:
    """Timers by key; `due` takes out what is to be run."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._order = 0
        self.entries: dict[TimerKey, tuple[int, int, Callable[[], TimerResult]]] = {}

    def schedule(self, key: TimerKey, delay_ms: int, operation: Callable[[], TimerResult]) -> None:
        self._order += 1
        self.entries[key] = (self._clock.time_ms + delay_ms, self._order, operation)

    def cancel(self, key: TimerKey) -> None:
        self.entries.pop(key, None)

    def is_scheduled(self, key: TimerKey) -> bool:
        return key in self.entries

    def next_deadline(self) -> int | None:
        return min((entry[0] for entry in self.entries.values()), default=None)

    def take_due(self) -> Callable[[], TimerResult] | None:
        due = [(at, order, key) for key, (at, order, _) in self.entries.items() if at <= self._clock.time_ms]
        return self.entries.pop(min(due)[2])[2] if due else None


@dataclass(slots=True)
class Client:
    api_version: int = 9
    client_id: str | None = "client"
    client_host: str = "127.0.0.1"


@dataclass(slots=True)
class Parked:
    """A request that may be answered later, and is answered at most once."""

    answers: list[JoinGroupResponse | SyncGroupResponse] = field(default_factory=list)

    def respond(self, response: JoinGroupResponse | SyncGroupResponse) -> None:
        if not self.answers:
            self.answers.append(response)

    @property
    def done(self) -> bool:
        return bool(self.answers)

    @property
    def error(self) -> ErrorCode:
        assert self.answers, "still parked"
        return ErrorCode(self.answers[0].error_code)

    @property
    def join(self) -> JoinGroupResponse:
        assert self.answers, "still parked"
        assert isinstance(self.answers[0], JoinGroupResponse)
        return self.answers[0]

    @property
    def sync(self) -> SyncGroupResponse:
        assert self.answers, "still parked"
        assert isinstance(self.answers[0], SyncGroupResponse)
        return self.answers[0]


def subscription(*topics: str) -> bytes:
    """A consumer's metadata, version 1, as a client would send it."""
    return b"\x00\x01" + ConsumerProtocolSubscription(topics=list(topics), user_data=None).encode(1)


class Driver:
    """One shard, its log and its clock. Records are committed at once, unless `hold` is set."""

    def __init__(self, **config: Any) -> None:
        self.config = GroupCoordinatorConfig(**config)
        self.clock = FakeClock()
        self.timers = FakeTimers(self.clock)
        self.uuids = 0
        self.image = MetadataImage()
        self.shard = GroupShard(self.config, self.clock, self.timers, self._new_uuid, lambda: self.image)
        self.log: list[tuple[bytes, bytes | None]] = []
        self.hold = False
        self.fail_with = ErrorCode.NONE
        self.held: list[CoordinatorResult[object]] = []

    def _new_uuid(self) -> str:
        self.uuids += 1
        return f"uuid{self.uuids}"

    def group(self, group_id: str = "g") -> ClassicGroup:
        group = self.shard.groups.by_id[group_id]
        assert isinstance(group, ClassicGroup)
        return group

    # -- what the shell does

    def run(self, result: CoordinatorResult[T]) -> T:
        if self.fail_with is not ErrorCode.NONE:
            if result.records and result.on_committed:
                result.on_committed(self.fail_with)
            return result.response
        for record in result.records:
            key, value = encode_record(record)
            self.log.append((key, value))
            decoded = decode_record(key, value)
            assert decoded is not None
            if result.replay:
                self.shard.replay(decoded, len(self.log) - 1)
        if result.records and result.on_committed:
            if self.hold:
                self.held.append(result)  # type: ignore[arg-type]  # its answer is not looked at
            else:
                result.on_committed(ErrorCode.NONE)
        return result.response

    def release(self, error: ErrorCode = ErrorCode.NONE) -> None:
        held, self.held = self.held, []
        for result in held:
            assert result.on_committed
            result.on_committed(error)

    def sleep(self, ms: int) -> None:
        """Let time pass, and run what falls due meanwhile, in order."""
        end = self.clock.time_ms + ms
        while True:
            deadline = self.timers.next_deadline()
            if deadline is None or deadline > end:
                break
            self.clock.time_ms = max(self.clock.time_ms, deadline)
            operation = self.timers.take_due()
            assert operation is not None
            self.run(operation())
        self.clock.time_ms = end

    def records(self) -> list[CoordinatorRecord]:
        decoded = [decode_record(key, value) for key, value in self.log]
        return [record for record in decoded if record is not None]

    def reload(self) -> Driver:
        """Another shard, at the same time of day, that has replayed this one's log."""
        other = Driver()
        other.config = self.config
        other.clock.time_ms = self.clock.time_ms
        other.uuids = self.uuids
        other.image = self.image
        other.shard = GroupShard(self.config, other.clock, other.timers, other._new_uuid, lambda: other.image)
        other.log = list(self.log)
        for offset, record in enumerate(self.records()):
            other.shard.replay(record, offset)
        other.run(other.shard.on_loaded())
        return other

    # -- what clients do

    def join(
        self,
        member_id: str = "",
        *,
        group_id: str = "g",
        instance_id: str | None = None,
        protocols: dict[str, bytes] | None = None,
        protocol_type: str = "consumer",
        session_timeout_ms: int = 10_000,
        rebalance_timeout_ms: int = 60_000,
        version: int = 9,
        client_id: str = "client",
    ) -> Parked:
        protocols = {"range": subscription("t")} if protocols is None else protocols
        request = JoinGroupRequest(
            group_id=group_id,
            session_timeout_ms=session_timeout_ms,
            rebalance_timeout_ms=rebalance_timeout_ms,
            member_id=member_id,
            group_instance_id=instance_id,
            protocol_type=protocol_type,
            protocols=[JoinGroupRequestProtocol(name=name, metadata=data) for name, data in protocols.items()],
        )
        parked = Parked()
        self.run(self.shard.join_group(Client(version, client_id), request, parked.respond))
        return parked

    def join_new(self, **how: object) -> tuple[str, Parked]:
        """A dynamic member's two steps: be given an id, come back with it."""
        first = self.join(**how)  # type: ignore[arg-type]  # the same keywords
        assert first.error is ErrorCode.MEMBER_ID_REQUIRED
        member_id = first.join.member_id
        return member_id, self.join(member_id, **how)  # type: ignore[arg-type]  # the same keywords

    def sync(
        self,
        member_id: str,
        generation_id: int,
        assignment: dict[str, bytes] | None = None,
        *,
        group_id: str = "g",
        instance_id: str | None = None,
        protocol_type: str | None = "consumer",
        protocol_name: str | None = "range",
    ) -> Parked:
        request = SyncGroupRequest(
            group_id=group_id,
            generation_id=generation_id,
            member_id=member_id,
            group_instance_id=instance_id,
            protocol_type=protocol_type,
            protocol_name=protocol_name,
            assignments=[
                SyncGroupRequestAssignment(member_id=each, assignment=data) for each, data in (assignment or {}).items()
            ],
        )
        parked = Parked()
        self.run(self.shard.sync_group(request, parked.respond))
        return parked

    def heartbeat(
        self, member_id: str, generation_id: int, *, group_id: str = "g", instance_id: str | None = None
    ) -> ErrorCode:
        return self.shard.heartbeat(
            HeartbeatRequest(
                group_id=group_id, generation_id=generation_id, member_id=member_id, group_instance_id=instance_id
            )
        )

    def leave(self, *members: str | tuple[str, str | None], group_id: str = "g") -> LeaveGroupResponse:
        identities = [
            MemberIdentity(member_id=each)
            if isinstance(each, str)
            else MemberIdentity(member_id=each[0], group_instance_id=each[1])
            for each in members
        ]
        return self.run(self.shard.leave_group(LeaveGroupRequest(group_id=group_id, members=identities)))

    def commit(
        self,
        offsets: dict[tuple[str, int], int],
        *,
        group_id: str = "g",
        member_id: str = "",
        generation_id: int = -1,
        instance_id: str | None = None,
        metadata: str | None = "",
        leader_epoch: int = -1,
        retention_time_ms: int = -1,
        topic_id: bytes = ZERO_UUID,
        version: int = 9,
    ) -> list[ErrorCode]:
        request = OffsetCommitRequest(
            group_id=group_id,
            generation_id_or_member_epoch=generation_id,
            member_id=member_id,
            group_instance_id=instance_id,
            retention_time_ms=retention_time_ms,
            topics=[
                OffsetCommitRequestTopic(
                    name=topic,
                    topic_id=topic_id,
                    partitions=[
                        OffsetCommitRequestPartition(
                            partition_index=partition,
                            committed_offset=offset,
                            committed_leader_epoch=leader_epoch,
                            committed_metadata=metadata,
                        )
                    ],
                )
                for (topic, partition), offset in offsets.items()
            ],
        )
        response: OffsetCommitResponse = self.run(self.shard.commit_offsets(version, request))
        return [ErrorCode(each.error_code) for topic in response.topics for each in topic.partitions]

    def fetch(
        self,
        topics: dict[str, list[int]] | None = None,
        *,
        group_id: str = "g",
        require_stable: bool = False,
        topic_id: bytes = ZERO_UUID,
    ) -> dict[tuple[str, int], tuple[int, str | None, ErrorCode]]:
        asked = None
        if topics is not None:
            asked = [
                OffsetFetchRequestTopics(name=name, topic_id=topic_id, partition_indexes=indexes)
                for name, indexes in topics.items()
            ]
        request = OffsetFetchRequestGroup(group_id=group_id, topics=asked)
        answer = self.shard.fetch_offsets(request, require_stable=require_stable)
        assert answer.error_code == ErrorCode.NONE
        return {
            (topic.name, each.partition_index): (each.committed_offset, each.metadata, ErrorCode(each.error_code))
            for topic in answer.topics
            for each in topic.partitions
        }

    # -- whole scenes

    def stable_group(self, size: int, **how: object) -> list[str]:
        """A group of dynamic members in its first stable generation; the leader is the first of the ids."""
        joins = [self.join_new(**how) for _ in range(size)]
        self.sleep(self.config.group_initial_rebalance_delay_ms)
        while not joins[0][1].done:
            self.sleep(self.config.group_initial_rebalance_delay_ms)
        ids = [member_id for member_id, _ in joins]
        leader = joins[0][1].join.leader
        ids.sort(key=lambda member_id: member_id != leader)
        generation = joins[0][1].join.generation_id
        followers = [self.sync(member_id, generation) for member_id in ids[1:]]
        assert self.sync(leader, generation, {each: each.encode() for each in ids}).error is ErrorCode.NONE
        assert all(each.error is ErrorCode.NONE for each in followers)
        return ids
