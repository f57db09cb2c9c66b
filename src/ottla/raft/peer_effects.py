"""What consensus asks its shell to do where there are others: effects that a single voter never has. See `effects`."""

from dataclasses import dataclass

from ottla.protocol.message import Request, Response
from ottla.raft.settings import Address
from ottla.raft.snapshot_id import SnapshotId


@dataclass(frozen=True, slots=True)
class TruncateLog:
    """What stands at `offset` and after it was never committed, and goes."""

    offset: int


@dataclass(frozen=True, slots=True)
class LeaderChanged:
    """Somebody else leads, or nobody (`leader_id` -1). What this replica appended as leader may go."""

    leader_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class SendRequest:
    """To another replica. Answer with `RaftQuorum.handle_response`, or `request_failed`; both may be left out."""

    correlation_id: int
    destination: Address
    request: Request


@dataclass(frozen=True, slots=True)
class Reply:
    """To a request that came in as `Inbound` with this token."""

    token: int
    response: Response


@dataclass(frozen=True, slots=True)
class ReceiveSnapshot:
    """`data` stands at `position` of a snapshot that is being fetched; position 0 begins anew."""

    snapshot_id: SnapshotId
    position: int
    data: bytes


@dataclass(frozen=True, slots=True)
class InstallSnapshot:
    """The snapshot is whole: make it durable, let the log start at its end, then `RaftQuorum.snapshot_installed`."""

    snapshot_id: SnapshotId
