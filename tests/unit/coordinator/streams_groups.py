"""A group coordinator under members of streams groups, on top of `consumer_groups`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.unit.coordinator.consumer_groups import ConsumerDriver
from tests.unit.coordinator.harness import Client
from tests.unit.coordinator.streams_topologies import one_part

from ottla.coordinator.group.streams.streams_group import StreamsGroup
from ottla.coordinator.group.streams.validate import validate_heartbeat
from ottla.protocol.api.streams_group_heartbeat import (
    Endpoint,
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    TaskIds,
    Topology,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Mapping

Tasks = dict[str, tuple[int, ...]]


class StreamsDriver(ConsumerDriver):
    """Assigns at once, unless told otherwise."""

    def __init__(self, topics: Mapping[str, int] | None = None, **config: Any) -> None:
        config.setdefault("streams_assignment_interval_ms", 0)
        config.setdefault("streams_initial_rebalance_delay_ms", 0)
        super().__init__(topics, **config)
        self.missing: dict[str, int] = {}

    def streams(self, group_id: str = "g") -> StreamsGroup:
        group = self.shard.groups.by_id[group_id]
        assert isinstance(group, StreamsGroup)
        return group

    def ask(self, request: StreamsGroupHeartbeatRequest) -> StreamsGroupHeartbeatResponse:
        """Raises `KafkaError`. `missing` is then what the broker would make: name -> partitions."""
        validate_heartbeat(request)
        outcome = self.run(self.shard.streams_group_heartbeat(Client(0), request))
        self.missing = {name: topic.partitions for name, topic in outcome.missing.items()}
        return outcome.response

    def make_missing(self) -> None:
        self.alter_topics(self.topics | self.missing)


@dataclass(slots=True)
class StreamsMember:
    """A member as a client library keeps it: unless it is `stubborn` it gives up at once what it shall not have."""

    driver: StreamsDriver
    member_id: str
    process_id: str = ""
    topology: Topology = field(default_factory=one_part)
    endpoint: tuple[str, int] | None = None
    epoch: int = 0
    endpoint_epoch: int = 0
    stubborn: bool = False
    active: Tasks = field(default_factory=dict)
    standby: Tasks = field(default_factory=dict)
    error: ErrorCode = ErrorCode.NONE
    status: dict[int, str] = field(default_factory=dict)
    last: StreamsGroupHeartbeatResponse | None = None

    def request(self, epoch: int | None = None, **fields: Any) -> StreamsGroupHeartbeatRequest:
        asked = self.epoch if epoch is None else epoch
        joins = asked == 0
        host = None if self.endpoint is None else Endpoint(host=self.endpoint[0], port=self.endpoint[1])
        given: dict[str, Any] = {
            "group_id": "g",
            "member_id": self.member_id,
            "member_epoch": asked,
            "endpoint_information_epoch": self.endpoint_epoch,
            "rebalance_timeout_ms": 30_000 if joins else -1,
            "topology": self.topology if joins else None,
            "active_tasks": [] if joins else _reported(self.active),
            "standby_tasks": [] if joins else _reported(self.standby),
            "warmup_tasks": [],
            "process_id": (self.process_id or self.member_id) if joins else None,
            "user_endpoint": host if joins else None,
            "client_tags": [] if joins else None,
        }
        return StreamsGroupHeartbeatRequest(**given | fields)

    def beat(self, epoch: int | None = None, **fields: Any) -> StreamsGroupHeartbeatResponse | None:
        """None: refused, see `error`. A fenced member has nothing and starts again."""
        try:
            answer = self.driver.ask(self.request(epoch, **fields))
        except KafkaError as error:
            self.error = error.code
            if self.error in (ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID):
                self.epoch, self.active, self.standby = 0, {}, {}
            return None
        self.error = ErrorCode.NONE
        self.epoch, self.last = answer.member_epoch, answer
        self.endpoint_epoch = answer.endpoint_information_epoch
        self.status = {each.status_code: each.status_detail for each in answer.status or ()}
        if answer.active_tasks is not None and not self.stubborn:
            self.active = _tasks(answer.active_tasks)
            self.standby = _tasks(answer.standby_tasks or [])
        return answer

    def leave(self) -> None:
        self.driver.ask(self.request(-1))
        self.epoch, self.active, self.standby = 0, {}, {}


def settle(*members: StreamsMember, rounds: int = 4) -> None:
    for _ in range(rounds):
        for member in members:
            member.beat()
            assert member.error is ErrorCode.NONE


def _reported(tasks: Tasks) -> list[TaskIds]:
    return [TaskIds(subtopology_id=each, partitions=list(indexes)) for each, indexes in tasks.items()]


def _tasks(tasks: list[TaskIds]) -> Tasks:
    return {each.subtopology_id: tuple(each.partitions) for each in tasks}
