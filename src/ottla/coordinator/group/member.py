"""One member of a classic group: what it asked for, what it was assigned, and its parked request."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

from ottla.protocol.api.join_group import JoinGroupResponse
from ottla.protocol.api.sync_group import SyncGroupResponse

# A parked request is answered by calling this. A second call does nothing.
RespondJoin: TypeAlias = Callable[[JoinGroupResponse], None]
RespondSync: TypeAlias = Callable[[SyncGroupResponse], None]
# (name, metadata), the member's favourite first.
Protocols: TypeAlias = tuple[tuple[str, bytes], ...]


@dataclass(slots=True)
class ClassicGroupMember:
    """`is_new` until its first rebalance ends; a static member has a `group_instance_id` (KIP-345)."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    protocol_type: str
    protocols: Protocols
    assignment: bytes = b""
    awaiting_join: RespondJoin | None = None
    awaiting_sync: RespondSync | None = None
    is_new: bool = False

    @property
    def is_static(self) -> bool:
        return self.group_instance_id is not None

    @property
    def has_satisfied_heartbeat(self) -> bool:
        """A member that waits for an answer of ours need not say that it is alive, unless it is new."""
        return not self.is_new and (self.awaiting_join is not None or self.awaiting_sync is not None)

    def metadata(self, protocol_name: str) -> bytes:
        """The metadata given for a protocol. `KeyError` if the member does not support it."""
        for name, metadata in self.protocols:
            if name == protocol_name:
                return metadata
        raise KeyError(protocol_name)

    def vote(self, candidates: Collection[str]) -> str:
        """The first of its protocols that everyone supports. `ValueError` if there is none."""
        for name, _ in self.protocols:
            if name in candidates:
                return name
        raise ValueError(f"member {self.member_id} supports none of {sorted(candidates)}")
