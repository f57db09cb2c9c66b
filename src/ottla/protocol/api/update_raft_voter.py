"""UpdateRaftVoter, API 82: version 0.

KIP-853 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uint16, Uuid


class Listener(Struct):
    name: str
    host: str
    port: Uint16


class KRaftVersionFeature(Struct):
    min_supported_version: Int16
    max_supported_version: Int16


class UpdateRaftVoterRequest(Request, api=82, versions="0", flexible="0+"):
    """A voter of the metadata quorum tells its endpoints and versions."""

    cluster_id: str | None = field(nullable="0+")
    current_leader_epoch: Int32
    voter_id: Int32
    voter_directory_id: Uuid
    listeners: list[Listener]
    kraft_version_feature: KRaftVersionFeature


class CurrentLeader(Struct):
    leader_id: Int32 = field(default=-1)
    leader_epoch: Int32 = field(default=-1)
    host: str = field(default="")
    port: Int32 = field(default=0)


class UpdateRaftVoterResponse(Response, api=82, versions="0", flexible="0+"):
    """Whether the update was taken, and who leads."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    current_leader: CurrentLeader = field(default_factory=CurrentLeader, tag=0)
