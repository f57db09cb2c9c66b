"""Members of groups of the new protocols that do nothing but beat."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.client import KafkaClient
from ottla.protocol.api import streams_group_heartbeat as streams
from ottla.protocol.errors import KafkaError, error_code
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from tests.peers.process import NodeProcess

LEAVE: Final = -1


def heartbeat(node: NodeProcess, request: Any, response: Any) -> Any:
    """One heartbeat of a member, whose answer must be no error."""

    async def run() -> Any:
        network = SocketNetwork(asyncio.get_running_loop())
        try:
            async with KafkaClient(network, node.address) as client:

                async def beat() -> Any:
                    answer = await client.send_to(await client.coordinator(request.group_id), request, response)
                    if answer.error_code:
                        raise KafkaError(error_code(answer.error_code), answer.error_message)
                    return answer

                return await client.retry(beat)  # while the coordinator moves or loads
        finally:
            network.close()

    return asyncio.run(run())


class StreamsGroupMember:
    """Of a group whose topology reads one topic."""

    def __init__(self, node: NodeProcess, group: str, topic: str) -> None:
        self.member_id = str(uuid.uuid4())
        self._node = node
        self._group = group
        subtopology = streams.Subtopology(
            subtopology_id="0",
            source_topics=[topic],
            source_topic_regex=[],
            state_changelog_topics=[],
            repartition_sink_topics=[],
            repartition_source_topics=[],
            copartition_groups=[],
        )
        self._topology = streams.Topology(epoch=0, subtopologies=[subtopology])

    def join(self) -> Any:
        """The active tasks, once there are some."""
        return self._beat(0, self._topology).active_tasks

    def leave(self) -> None:
        self._beat(LEAVE, None)

    def _beat(self, epoch: int, topology: streams.Topology | None) -> Any:
        request = streams.StreamsGroupHeartbeatRequest(
            group_id=self._group,
            member_id=self.member_id,
            member_epoch=epoch,
            endpoint_information_epoch=0,
            rebalance_timeout_ms=60_000,
            topology=topology,
            active_tasks=[],
            standby_tasks=[],
            warmup_tasks=[],
            process_id="p",
            client_tags=[],
        )
        return heartbeat(self._node, request, streams.StreamsGroupHeartbeatResponse)
