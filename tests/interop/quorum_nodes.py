"""Asking the controllers of a quorum of real processes, of either kind."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.interop.raft_peer import ask

from ottla.protocol.api.describe_quorum import (
    DescribeQuorumRequest,
    DescribeQuorumRequestPartitionData,
    DescribeQuorumRequestTopicData,
    DescribeQuorumResponse,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.peers.member import Member

    from ottla.protocol.message import Request, Response

ANSWER_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class QuorumStatus:
    leader_id: int
    epoch: int
    high_watermark: int
    voters: dict[int, int]
    """Node id -> log end offset."""
    observers: dict[int, int]
    directories: dict[int, bytes]
    """Of the voters."""
    ports: dict[int, int]
    """Of the voters, where they listen."""


def asked(node: Member, request: Request) -> Response | None:
    """`None` if it does not answer."""
    host, port = node.controller_address.rsplit(":", 1)

    async def once() -> Response:
        return await asyncio.wait_for(ask((host, int(port)), request), ANSWER_TIMEOUT_S)

    try:
        return asyncio.run(once())
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return None


def status(node: Member) -> QuorumStatus | None:
    """As the node tells it if it leads."""
    partition = DescribeQuorumRequestPartitionData(partition_index=0)
    topic = DescribeQuorumRequestTopicData(topic_name="__cluster_metadata", partitions=[partition])
    answer = asked(node, DescribeQuorumRequest(topics=[topic]))
    if not isinstance(answer, DescribeQuorumResponse) or answer.error_code != ErrorCode.NONE:
        return None
    found = answer.topics[0].partitions[0]
    if found.error_code != ErrorCode.NONE:
        return None
    return QuorumStatus(
        found.leader_id,
        found.leader_epoch,
        found.high_watermark,
        {one.replica_id: one.log_end_offset for one in found.current_voters},
        {one.replica_id: one.log_end_offset for one in found.observers},
        {one.replica_id: one.replica_directory_id for one in found.current_voters},
        {one.node_id: one.listeners[0].port for one in answer.nodes if one.listeners},
    )


def wait_for_status(
    nodes: Iterable[Member], condition: Callable[[QuorumStatus], bool], what: str, timeout_s: float = 60.0
) -> QuorumStatus:
    """Of whichever node leads."""
    end = time.monotonic() + timeout_s
    seen: QuorumStatus | None = None
    while time.monotonic() < end:
        for node in nodes:
            found = status(node) if node.is_running else None
            if found is not None and found.leader_id == node.node_id:
                seen = found
                if condition(found):
                    return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s} s: {what}; last seen: {seen}")


def has_settled(seen: QuorumStatus) -> bool:
    """Everything is committed up to what a voter fetched last, and all voters follow."""
    return seen.high_watermark > 0 and min(seen.voters.values()) >= seen.high_watermark - 1
