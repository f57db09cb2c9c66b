"""What clients are told of a broker at whose address nobody listens, until the controller has decided about it."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

import pytest
from tests.unit.broker.controllers import LocalChannel, TestNode, context, creation, sent
from tests.unit.broker.replicas import NODE_ID
from tests.unit.broker.test_broker_losses import OneAddress

from ottla.broker.apis.create_topics import CreateTopicsHandler
from ottla.broker.apis.find_coordinator import GROUP, TOPICS, FindCoordinatorHandler
from ottla.broker.apis.metadata import MetadataHandler
from ottla.broker.peer.absences import ABSENT_MS, LISTED_MS, LOOKS_MS, UNDECIDED_MAX_MS, Absences
from ottla.metadata.controller.brokers import fence_broker
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

T = TypeVar("T")
ADDRESS = ("localhost", 9092)


class Asked:
    """A node that answers for a leader which it has lost the connection to."""

    def __init__(self, directory: Path) -> None:
        self.node = TestNode(directory)
        self.network = OneAddress()
        self.absences = Absences(self.network, self.node.timers, lambda: self.node.shell.image)
        self._handler = MetadataHandler(
            lambda: self.node.shell.image,
            cluster_id=self.node.storage.cluster_id,
            node_id=1,
            auto_create_topics=False,
            create_internal_topic=self._create_internal_topic,
            channel=LocalChannel(self.node.shell),
            absences=self.absences,
        )
        self._coordinators = FindCoordinatorHandler(
            dict.fromkeys(TOPICS, lambda _: 0),
            lambda: self.node.shell.image,
            self._create_internal_topic,
            self.absences,
        )

    async def _create_internal_topic(self, name: str) -> None:
        raise AssertionError

    async def pass_time(self, ms: float) -> None:
        for _ in range(int(ms) // 5):
            self.node.timers.advance(5)
            for _ in range(5):
                await asyncio.sleep(0)

    async def fence(self) -> None:
        shell = self.node.shell
        await shell.submit(lambda view: fence_broker(view, shell.schema, NODE_ID, shell.heartbeats))

    def ask(self, topic: str = "there") -> asyncio.Future[MetadataResponse]:
        asked = MetadataRequest(topics=[MetadataRequestTopic(name=topic)], allow_auto_topic_creation=False)
        _, request = sent(asked, 12)
        return eventually(self._handler(context(request, 12), request))

    def ask_for_coordinator(self) -> asyncio.Future[FindCoordinatorResponse]:
        _, request = sent(FindCoordinatorRequest(key_type=GROUP, coordinator_keys=["g"]), 4)
        return eventually(self._coordinators(context(request, 4), request))

    async def leader(self) -> tuple[int, int]:
        """And the error beside it."""
        [topic] = (await self.ask()).topics
        [partition] = topic.partitions
        return partition.leader_id, partition.error_code


def eventually(answer: T | Awaitable[T]) -> asyncio.Future[T]:
    if isinstance(answer, Awaitable):
        return asyncio.ensure_future(answer)
    done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    done.set_result(answer)
    return done


NOBODY = (-1, ErrorCode.LEADER_NOT_AVAILABLE)
KNOWN = (NODE_ID, ErrorCode.NONE)


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    made = Asked(tmp_path)
    made.node.shell.subscribe(made.absences.on_metadata)
    await CreateTopicsHandler(made.node.shell)(*sent(creation("there", 1), 7))
    yield made
    made.absences.close()
    await made.node.shell.close()


async def test_nobody_is_sent_to_an_address_where_nobody_listens(asked: Asked) -> None:
    assert await asked.leader() == KNOWN
    asked.network.error = errno.ECONNREFUSED
    asked.absences.lost(NODE_ID, ADDRESS)
    await asked.pass_time(UNDECIDED_MAX_MS + 10)
    assert await asked.leader() == NOBODY
    asked.network.error = None
    await asked.pass_time(200)
    assert await asked.leader() == KNOWN


async def test_the_answer_waits_for_the_controller_to_decide(asked: Asked) -> None:
    asked.network.error = errno.ECONNREFUSED
    asked.absences.lost(NODE_ID, ADDRESS)
    answer, other = asked.ask(), asked.ask("missing")
    await asked.pass_time(UNDECIDED_MAX_MS / 2)
    assert not answer.done()
    assert other.done()  # it is not about that broker
    await asked.fence()
    await asked.pass_time(10)
    assert answer.done()


async def test_a_process_that_ends_closes_its_listeners_last(asked: Asked) -> None:
    asked.network.last_there = 2
    asked.absences.lost(NODE_ID, ADDRESS)
    await asked.pass_time(UNDECIDED_MAX_MS + 10)
    assert await asked.leader() == NOBODY


async def test_who_was_fenced_is_listed_for_a_while(asked: Asked) -> None:
    """So that librdkafka takes over where its partitions are now before it forgets the one that had them."""
    await asked.fence()
    assert [broker.node_id for broker in (await asked.ask()).brokers] == [NODE_ID]
    await asked.pass_time(LISTED_MS + 10)
    assert (await asked.ask()).brokers == []


async def test_who_only_lost_a_connection_leads_on(asked: Asked) -> None:
    asked.absences.lost(NODE_ID, ADDRESS)
    answer = asked.ask()
    await asked.pass_time(LOOKS_MS[-1] + 5)
    assert (await answer).topics[0].partitions[0].leader_id == NODE_ID
    assert asked.network.looks == len(LOOKS_MS)


@pytest.mark.parametrize("error", [errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ECONNRESET])
async def test_a_network_that_fails_proves_nothing(asked: Asked, error: int) -> None:
    asked.network.error = error
    asked.absences.lost(NODE_ID, ADDRESS)
    assert await asked.leader() == KNOWN


async def test_silence_keeps_nobody_waiting(asked: Asked) -> None:
    asked.network.hangs = True
    asked.absences.lost(NODE_ID, ADDRESS)
    answer = asked.ask()
    await asked.pass_time(UNDECIDED_MAX_MS + 10)
    assert (await answer).topics[0].partitions[0].leader_id == NODE_ID


async def test_it_leads_again_in_another_epoch(asked: Asked) -> None:
    asked.network.error = errno.ECONNREFUSED
    asked.absences.lost(NODE_ID, ADDRESS)
    await asked.pass_time(UNDECIDED_MAX_MS + 10)
    assert await asked.leader() == NOBODY
    asked.node.register()
    broker = asked.node.shell.image.cluster.brokers[NODE_ID]
    assert not asked.absences.is_absent(broker)


async def test_one_that_stays_registered_is_believed_in_again(asked: Asked) -> None:
    """Its address may be refused to this node only."""
    asked.network.error = errno.ECONNREFUSED
    asked.absences.lost(NODE_ID, ADDRESS)
    await asked.pass_time(ABSENT_MS / 2)
    assert await asked.leader() == NOBODY
    await asked.pass_time(ABSENT_MS)
    assert await asked.leader() == KNOWN


async def test_one_that_is_fenced_is_not_looked_for(asked: Asked) -> None:
    await asked.fence()
    asked.absences.lost(NODE_ID, ADDRESS)
    assert not asked.absences.undecided()
    await asked.pass_time(LOOKS_MS[-1])
    assert asked.network.looks == 0


async def test_groups_are_not_sent_to_an_address_where_nobody_listens(asked: Asked) -> None:
    await CreateTopicsHandler(asked.node.shell)(*sent(creation(TOPICS[GROUP], 1), 7))
    [found] = (await asked.ask_for_coordinator()).coordinators
    assert found.node_id == NODE_ID
    asked.network.error = errno.ECONNREFUSED
    asked.absences.lost(NODE_ID, ADDRESS)
    answer = asked.ask_for_coordinator()
    await asked.pass_time(UNDECIDED_MAX_MS / 2)
    assert not answer.done()  # the controller may name another in this moment
    await asked.pass_time(UNDECIDED_MAX_MS / 2 + 10)
    [found] = (await answer).coordinators
    assert (found.node_id, found.error_code) == (-1, ErrorCode.COORDINATOR_NOT_AVAILABLE)
