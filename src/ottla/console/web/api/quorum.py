"""The metadata quorum: who leads, who votes, how far each node is; a voter is removed.

A voter is added where it runs (`ottla quorum add`): only there its endpoint and its directory are known for sure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.console.operations.quorum import quorum_json, quorum_status, remove_voter
from ottla.console.web.message import ApiError, Response, bad_request, not_found, whole_number
from ottla.protocol.types import uuid_from_text

if TYPE_CHECKING:
    from ottla.console.web.context import Context

NODE_ID_MAX: Final = 2**31 - 1


async def get(context: Context) -> Response:
    return Response(quorum_json(await quorum_status(context.client)))


async def remove(context: Context) -> Response:
    node_id = whole_number("node", context.parameter("node"), 0, NODE_ID_MAX)
    context.resource_name = f"node {node_id}"
    status = await quorum_status(context.client)
    voters = [each for each in status.voters if each.node_id == node_id]
    directory = context.request.text("directory_id")
    if not voters:
        there = ", ".join(str(each.node_id) for each in status.voters)
        raise not_found(f"node {node_id} does not vote", f"the voters are {there}")
    if len(status.voters) == 1:
        text = f"node {node_id} is the only voter"
        raise ApiError(409, "CONFLICT", text, "nothing could be changed without it: add another first")
    directory_id = voters[0].directory_id
    if directory is not None:
        try:
            directory_id = uuid_from_text(directory)
        except ValueError:
            raise bad_request(f"'directory_id' is a directory's id, not '{directory}'") from None
    context.details["directory_id"] = directory or voters[0].directory
    await remove_voter(context.client, node_id, directory_id)
    return Response(None, 204)
