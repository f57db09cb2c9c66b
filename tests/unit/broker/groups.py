"""A group coordinator over real logs, asked through its handlers; every request and answer goes through its bytes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, TypeVar

from tests.unit.broker.replicas import Replicas, over_the_wire, readable, records_of

from ottla.broker.apis.delete_groups import DeleteGroupsHandler
from ottla.broker.apis.describe_groups import DescribeGroupsHandler
from ottla.broker.apis.find_coordinator import GROUP, SHARE, TRANSACTION, FindCoordinatorHandler
from ottla.broker.apis.heartbeat import HeartbeatHandler
from ottla.broker.apis.join_group import JoinGroupHandler
from ottla.broker.apis.leave_group import LeaveGroupHandler
from ottla.broker.apis.list_groups import ListGroupsHandler
from ottla.broker.apis.offset_commit import OffsetCommitHandler
from ottla.broker.apis.offset_delete import OffsetDeleteHandler
from ottla.broker.apis.offset_fetch import OffsetFetchHandler
from ottla.broker.apis.sync_group import SyncGroupHandler
from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC, GroupCoordinator
from ottla.broker.coordinator.transaction_coordinator import TRANSACTION_STATE_TOPIC, TransactionCoordinator
from ottla.broker.coordinator.transaction_markers import TransactionMarkers
from ottla.broker.parts import make_group_coordinator, make_transaction_coordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.partitioner import partition_for
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.message import Response
from ottla.runtime.config.static_config import server_config_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from pathlib import Path

    from ottla.broker.replica.isr_changes import IsrChanges
    from ottla.broker.request_context import Handler
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.errors import ErrorCode
    from ottla.protocol.message import MetadataRecord, Request
    from ottla.protocol.record import Record

PARTITIONS = 4
SETTINGS = {
    "offsets.topic.num.partitions": str(PARTITIONS),
    "transaction.state.log.num.partitions": str(PARTITIONS),
    "group.initial.rebalance.delay.ms": "0",
}
MAX_TURNS = 1_000
ResponseT = TypeVar("ResponseT", bound=Response)


class CountedProducerIds:
    """Producer ids from 1000 on; `None` while `exhausted`."""

    def __init__(self) -> None:
        self.next_id = 1000
        self.exhausted = False

    @property
    def available(self) -> bool:
        return not self.exhausted

    def take(self) -> int | None:
        if self.exhausted:
            return None
        self.next_id += 1
        return self.next_id - 1

    async def fill(self) -> None:
        self.exhausted = False

    async def next(self) -> int:
        await self.fill()
        taken = self.take()
        assert taken is not None
        return taken


class GroupNode(Replicas):
    """The coordinator of a node whose metadata the test writes."""

    def __init__(
        self, directory: Path, settings: Mapping[str, str] | None = None, *, isr_changes: IsrChanges | None = None
    ) -> None:
        self.config = server_config_of(SETTINGS | dict(settings or {}))
        self.created: list[str] = []
        self.creates = True
        self._records: list[MetadataRecord] = []
        self.coordinator: GroupCoordinator | None = None
        self.transactions: TransactionCoordinator | None = None
        self.producer_ids = CountedProducerIds()
        self.handlers: dict[ApiKey, Handler] = {}
        super().__init__(directory, isr_changes=isr_changes)
        self.start_coordinator()

    # --- metadata ---

    def replay(self, *records: MetadataRecord) -> None:
        before = self.manager.image
        super().replay(*records)
        self._records += records
        if self.coordinator is not None:
            delta = MetadataDelta(before)
            for record in records:
                delta.replay(record)
            self.coordinator.on_metadata(delta, self.manager.image)
            assert self.transactions is not None
            self.transactions.on_metadata(delta, self.manager.image)

    def make_offsets_topic(self, **how: object) -> bytes:
        return self.create_topic(GROUP_METADATA_TOPIC, PARTITIONS, **how)  # type: ignore[arg-type]  # as given

    def make_transaction_topic(self, **how: object) -> bytes:
        return self.create_topic(TRANSACTION_STATE_TOPIC, PARTITIONS, **how)  # type: ignore[arg-type]  # as given

    async def create_internal_topic(self, name: str) -> None:
        """What `InternalTopics` does, without a controller."""
        self.created.append(name)
        if self.creates and name == GROUP_METADATA_TOPIC:
            self.make_offsets_topic()
        elif self.creates:
            self.make_transaction_topic()

    def start_coordinator(self) -> None:
        """As after a restart of the node: nothing is known but what stands in the logs and the metadata."""
        groups = make_group_coordinator(
            self.config, self.manager, self.clock, self.timers, lambda: uuid.uuid4().bytes, self.reports.append
        )
        self.coordinator = groups
        markers = TransactionMarkers(self.manager, groups, self.clock)
        transactions = make_transaction_coordinator(
            self.config, self.manager, markers, self.producer_ids, self.clock, self.timers, self.reports.append
        )
        self.transactions = transactions
        image = self._image_now
        self.handlers = {
            ApiKey.FIND_COORDINATOR: FindCoordinatorHandler(
                {
                    GROUP: groups.partition_for,
                    TRANSACTION: transactions.partition_for,
                    SHARE: lambda key: partition_for(key, PARTITIONS),
                },
                image,
                self.create_internal_topic,
            ),
            ApiKey.JOIN_GROUP: JoinGroupHandler(groups),
            ApiKey.SYNC_GROUP: SyncGroupHandler(groups),
            ApiKey.HEARTBEAT: HeartbeatHandler(groups),
            ApiKey.LEAVE_GROUP: LeaveGroupHandler(groups),
            ApiKey.OFFSET_COMMIT: OffsetCommitHandler(groups, image),
            ApiKey.OFFSET_FETCH: OffsetFetchHandler(groups, image),
            ApiKey.OFFSET_DELETE: OffsetDeleteHandler(groups, image),
            ApiKey.DESCRIBE_GROUPS: DescribeGroupsHandler(groups),
            ApiKey.LIST_GROUPS: ListGroupsHandler(groups),
            ApiKey.DELETE_GROUPS: DeleteGroupsHandler(groups, self.delete_share_group),
        }
        everything = MetadataDelta(EMPTY_IMAGE)
        for record in self._records:
            everything.replay(record)
        self.coordinator.on_metadata(everything, self.manager.image)
        transactions.on_metadata(everything, self.manager.image)
        self.made(groups, transactions, markers)

    def made(self, groups: GroupCoordinator, transactions: TransactionCoordinator, markers: TransactionMarkers) -> None:
        """The coordinators are there: for tests that serve more of them."""

    async def delete_share_group(self, group_id: str) -> ErrorCode:
        raise AssertionError(f"{group_id} is no share group")

    def _image_now(self) -> MetadataImage:
        return self.manager.image

    def load(self) -> None:
        """Give the loaders as many turns of the event loop as they need."""
        for _ in range(MAX_TURNS):
            self.timers.advance(0)

    # --- clients ---

    def ask(self, request: Request, version: int, expected: type[ResponseT]) -> ResponseT | Awaitable[ResponseT]:
        handler = self.handlers[ApiKey(request.api_key)]
        context = RequestContext(request.api_key, version, 1, "client", self.connection)
        answer = handler(context, over_the_wire(request, version))
        if isinstance(answer, Response):
            assert isinstance(answer, expected)
            return readable(answer, version)
        assert answer is not None
        return _later(answer, version, expected)

    def ask_now(self, request: Request, version: int, expected: type[ResponseT]) -> ResponseT:
        answer = self.ask(request, version, expected)
        assert isinstance(answer, expected), "it has to be waited for"
        return answer

    # --- the log ---

    def log_records(self, index: int) -> list[Record]:
        data = self.manager.read(GROUP_METADATA_TOPIC, index, 0, 10_000_000)
        assert isinstance(data, bytes)
        return records_of(data)


async def _later(answer: Awaitable[Response | None], version: int, expected: type[ResponseT]) -> ResponseT:
    response = await answer
    assert isinstance(response, expected)
    return readable(response, version)
