"""The groups of a cluster and their states, asked of every broker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.protocol.api.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.api.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient


@dataclass(frozen=True, slots=True)
class GroupSummary:
    group_id: str
    state: str
    type: str
    protocol_type: str

    @property
    def is_of_consumers(self) -> bool:
        """Whether its offsets are a consumer group's: of either protocol, or of nobody who ever joined."""
        return self.protocol_type in ("consumer", "") and self.type.lower() in ("consumer", "classic", "")


async def list_groups(client: KafkaClient) -> list[GroupSummary]:
    """In order of their ids. `KafkaError` when a broker cannot say: a part would look like the whole."""

    async def ask() -> list[GroupSummary]:
        await client.refresh_metadata([])
        found: dict[str, GroupSummary] = {}
        for node_id in client.metadata.brokers:
            response = await client.send_to(node_id, ListGroupsRequest(), ListGroupsResponse)
            if response.error_code != ErrorCode.NONE:
                raise KafkaError(error_code(response.error_code), f"broker {node_id} cannot list its groups")
            for group in response.groups:
                found[group.group_id] = GroupSummary(
                    group.group_id, group.group_state, group.group_type, group.protocol_type
                )
        return [found[group_id] for group_id in sorted(found)]

    return await client.retry(ask)


async def delete_group(client: KafkaClient, group_id: str) -> None:
    """With its offsets. `KafkaError`, also where it has members (NON_EMPTY_GROUP) or was not there."""

    async def ask() -> None:
        coordinator = await client.coordinator(group_id)
        request = DeleteGroupsRequest(groups_names=[group_id])
        result = (await client.send_to(coordinator, request, DeleteGroupsResponse)).results[0]
        if result.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(result.error_code), f"group '{group_id}'")

    await client.retry(ask)
