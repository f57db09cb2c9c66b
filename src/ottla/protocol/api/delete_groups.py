"""DeleteGroups, API 42: versions 0 to 2.

KIP-229 (0), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32


class DeleteGroupsRequest(Request, api=42, versions="0-2", flexible="2+"):
    """Deletes empty groups and their offsets."""

    groups_names: list[str]


class DeletableGroupResult(Struct):
    group_id: str
    error_code: Int16


class DeleteGroupsResponse(Response, api=42, versions="0-2", flexible="2+"):
    """What became of each group."""

    throttle_time_ms: Int32 = field(default=0)
    results: list[DeletableGroupResult]
