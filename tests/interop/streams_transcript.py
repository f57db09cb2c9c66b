"""One broker's conversation with the members of a streams group (KIP-1071); see `group_scenarios`.

Texts of statuses and errors are ours and not compared, only whether there is one. What members are given is: their ids
decide who gets what, so they are the same everywhere.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from tests.interop.connection import ANSWER_TIMEOUT_S
from tests.interop.consumer_group_scenarios import CONSUMER_SETTINGS, ConsumerTranscript

from ottla.protocol.api.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
)
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.api.streams_group_describe import (
    DescribedGroup,
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)
from ottla.protocol.api.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    TaskIds,
    Topology,
)

if TYPE_CHECKING:
    from collections.abc import Callable

STREAMS_SETTINGS: Final = {
    **CONSUMER_SETTINGS,
    "group.streams.initial.rebalance.delay.ms": "0",
    "group.streams.assignment.interval.ms": "0",
    "group.streams.min.session.timeout.ms": "500",
    "group.streams.min.heartbeat.interval.ms": "100",
    "group.streams.max.size": "4",
    "num.partitions": "2",
}
TOPIC_RESOURCE: Final = 2
DYNAMIC_TOPIC_CONFIG: Final = 1


class StreamsTranscript(ConsumerTranscript):
    """`epochs` and `tasks`: what each member was last told, and says."""

    def __init__(self, address: str, group_id: str) -> None:
        super().__init__(address, group_id)
        self.epochs: dict[str, int] = {}
        self.tasks: dict[str, tuple[list[TaskIds], list[TaskIds]]] = {}

    def _told(self, name: str, value: object) -> object:
        if name == "status_detail":
            return "some" if value else value
        if name == "user_endpoint" and value is not None:
            return f"{getattr(value, 'host', None)}:{getattr(value, 'port', None)}"
        return super()._told(name, value)

    def plain(self, value: object) -> object:
        plain = super().plain(value)
        if isinstance(plain, list):
            return sorted(plain, key=_name)
        return plain

    async def member(
        self,
        name: str,
        epoch: int | None = None,
        *,
        of: Topology | None = None,
        process: str | None = None,
        owned: bool = True,
        **fields: Any,
    ) -> StreamsGroupHeartbeatResponse:
        """A heartbeat with the member's epoch, or another; `of` joins. Whoever has been told of tasks says it has them.

        `owned`: False says that it has none.
        """
        asked = self.epochs.get(name, 0) if epoch is None else epoch
        if of is not None:
            asked = 0 if epoch is None else epoch
            self.tasks.pop(name, None)
        active, standby = self.tasks.get(name, ([], [])) if owned else ([], [])
        given: dict[str, Any] = {
            "group_id": self.group_id,
            "member_id": name,
            "member_epoch": asked,
            "endpoint_information_epoch": 0,
            "rebalance_timeout_ms": 20_000 if of is not None else -1,
            "topology": of,
            "active_tasks": active,
            "standby_tasks": standby,
            "warmup_tasks": [],
            "process_id": (process or name) if of is not None else process,
            "client_tags": [] if of is not None else None,
        }
        answer = await self.ask(StreamsGroupHeartbeatRequest(**given | fields), 0, StreamsGroupHeartbeatResponse)
        if answer.error_code == 0:
            self.epochs[name] = answer.member_epoch
            if answer.active_tasks is not None:
                self.tasks[name] = (answer.active_tasks, answer.standby_tasks or [])
        return answer

    async def round(self, *member_ids: str, times: int = 1) -> None:
        for _ in range(times):
            for member_id in member_ids:
                await self.member(member_id)

    async def describe_streams(self, *others: str) -> None:
        request = StreamsGroupDescribeRequest(group_ids=[self.group_id, *others], include_authorized_operations=True)
        await self.ask(request, 0, StreamsGroupDescribeResponse)

    async def until_streams(self, is_reached: Callable[[DescribedGroup], bool]) -> None:
        """What the group does by itself, by time, shows; nothing is noted."""
        assert self._main is not None
        request = StreamsGroupDescribeRequest(group_ids=[self.group_id], include_authorized_operations=False)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while True:
                answer = await self._main.ask(request, 0, StreamsGroupDescribeResponse)
                if is_reached(answer.groups[0]):
                    return
                await asyncio.sleep(0.02)

    async def until_made(self, *names: str) -> None:
        """Topics that the broker was told of are there, and its coordinators know; how they were made is noted."""
        assert self._main is not None
        for name in names:
            asked = MetadataRequest(topics=[MetadataRequestTopic(name=name)], allow_auto_topic_creation=False)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                while True:
                    topic = (await self._main.ask(asked, 12, MetadataResponse)).topics[0]
                    if topic.error_code == 0 and all(each.error_code == 0 for each in topic.partitions):
                        break
                    await asyncio.sleep(0.02)
            resource = DescribeConfigsResource(
                resource_type=TOPIC_RESOURCE, resource_name=name, configuration_keys=None
            )
            configs = await self._main.ask(DescribeConfigsRequest(resources=[resource]), 4, DescribeConfigsResponse)
            set_here = {
                each.name: each.value
                for each in configs.results[0].configs
                if each.config_source == DYNAMIC_TOPIC_CONFIG
            }
            self.note(f"{name} was made", [len(topic.partitions), sorted(set_here.items())])
        await self.settle()


def _name(value: object) -> str:
    """Topics, endpoints and members stand in the order of a hash map in Apache Kafka."""
    if not isinstance(value, dict):
        return ""
    endpoint = value.get("user_endpoint")
    return str(value.get("member_id") or value.get("topic") or value.get("subtopology_id") or endpoint or "")
