"""The state of one classic group: its members, generation, and where it stands between two generations.

```
            join                      all joined, or time is up                   leader's assignment is committed
  Empty ───────────► PreparingRebalance ───────────► CompletingRebalance ───────────► Stable
    ▲                   │   ▲     ▲                          │                          │
    └── nobody is left ─┘   │     └── join, leave, failure ──┘                          │
                            └────────────── join, leave, failure ───────────────────────┘     any ──► Dead (unloaded)
```

Membership between two generations lives in memory only: the log gets one `GroupMetadata` record a generation, when the
leader has assigned (KIP-62), when the group becomes empty, and when a static member comes back (KIP-345). The
transitions are in `join`, `rebalance`, `sync`, `heartbeat` and `leave`; `replay` builds a group at load.
"""

from dataclasses import dataclass, field
from enum import Enum

from ottla.coordinator.group.consumer.embedded_protocol import breaks_a_load
from ottla.coordinator.group.member import ClassicGroupMember, Protocols, RespondJoin
from ottla.protocol.api.join_group import JoinGroupResponse, JoinGroupResponseMember
from ottla.protocol.api.sync_group import SyncGroupResponse
from ottla.protocol.consumer_protocol import ConsumerProtocolSubscription
from ottla.protocol.errors import ErrorCode, ProtocolError

CONSUMER_PROTOCOL_TYPE = "consumer"


class ClassicGroupState(Enum):
    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


EMPTY = ClassicGroupState.EMPTY
PREPARING_REBALANCE = ClassicGroupState.PREPARING_REBALANCE
COMPLETING_REBALANCE = ClassicGroupState.COMPLETING_REBALANCE
STABLE = ClassicGroupState.STABLE
DEAD = ClassicGroupState.DEAD

_VALID_PREVIOUS = {
    EMPTY: frozenset({PREPARING_REBALANCE}),
    PREPARING_REBALANCE: frozenset({STABLE, COMPLETING_REBALANCE, EMPTY}),
    COMPLETING_REBALANCE: frozenset({PREPARING_REBALANCE}),
    STABLE: frozenset({COMPLETING_REBALANCE}),
    DEAD: frozenset({STABLE, PREPARING_REBALANCE, COMPLETING_REBALANCE, EMPTY, DEAD}),
}


@dataclass(slots=True)
class ClassicGroup:
    group_id: str
    state: ClassicGroupState = EMPTY
    previous_state: ClassicGroupState = DEAD
    state_timestamp_ms: int = -1
    protocol_type: str | None = None
    protocol_name: str | None = None
    generation_id: int = 0
    leader_id: str | None = None
    members: dict[str, ClassicGroupMember] = field(default_factory=dict)
    # group.instance.id -> member id
    static_members: dict[str, str] = field(default_factory=dict)
    # Told to come back with the id they were given (KIP-394); not members yet.
    pending_join_members: set[str] = field(default_factory=set)
    pending_sync_members: set[str] = field(default_factory=set)
    awaiting_join_count: int = 0
    # protocol name -> how many members support it
    supported_protocols: dict[str, int] = field(default_factory=dict)
    # None: unknown, the protocol is not the consumers' or its metadata could not be read.
    subscribed_topics: frozenset[str] | None = None
    new_member_added: bool = False

    # -- members

    def add(self, member: ClassicGroupMember, respond: RespondJoin | None = None) -> None:
        """Make it a member, parked on `respond` if given. The first member gives the group its protocol type."""
        if not self.members:
            self.protocol_type = member.protocol_type
        assert self.protocol_type == member.protocol_type, "a member's protocol type must be its group's"
        if member.group_instance_id is not None:
            assert member.group_instance_id not in self.static_members, "a static member is replaced, not added"
            self.static_members[member.group_instance_id] = member.member_id
        if self.leader_id is None:
            self.leader_id = member.member_id
        self.members[member.member_id] = member
        self._count_protocols(member, 1)
        member.awaiting_join = respond
        if respond is not None:
            self.awaiting_join_count += 1
        self.pending_join_members.discard(member.member_id)

    def remove(self, member_id: str) -> None:
        """Forget a member, or a pending one. The leader's successor is the member that joined first."""
        removed = self.members.pop(member_id, None)
        if removed is not None:
            self._count_protocols(removed, -1)
            if removed.awaiting_join is not None:
                self.awaiting_join_count -= 1
            if removed.group_instance_id is not None:
                self.static_members.pop(removed.group_instance_id, None)
        if self.leader_id == member_id:
            self.leader_id = next(iter(self.members), None)
        self.pending_join_members.discard(member_id)
        self.pending_sync_members.discard(member_id)

    def update_member(
        self,
        member: ClassicGroupMember,
        protocols: Protocols,
        rebalance_timeout_ms: int,
        session_timeout_ms: int,
        respond: RespondJoin | None,
    ) -> None:
        self._count_protocols(member, -1)
        member.protocols = protocols
        self._count_protocols(member, 1)
        member.rebalance_timeout_ms = rebalance_timeout_ms
        member.session_timeout_ms = session_timeout_ms
        superseded = member.awaiting_join
        self.awaiting_join_count += (respond is not None) - (superseded is not None)
        member.awaiting_join = respond
        if superseded is not None and respond is not None:
            # It asked again, so it no longer listens there; Apache Kafka never answers the older request.
            superseded(join_error(member.member_id, ErrorCode.REBALANCE_IN_PROGRESS))

    def replace_static_member(self, instance_id: str, old_member_id: str, new_member_id: str) -> ClassicGroupMember:
        """Give a static member a new id; requests parked under the old one are fenced (KIP-345)."""
        old = self.members.pop(old_member_id)
        self.complete_join(old, join_error(old_member_id, ErrorCode.FENCED_INSTANCE_ID))
        self.complete_sync(old, sync_error(ErrorCode.FENCED_INSTANCE_ID))
        new = ClassicGroupMember(
            member_id=new_member_id,
            group_instance_id=old.group_instance_id,
            client_id=old.client_id,
            client_host=old.client_host,
            rebalance_timeout_ms=old.rebalance_timeout_ms,
            session_timeout_ms=old.session_timeout_ms,
            protocol_type=old.protocol_type,
            protocols=old.protocols,
            assignment=old.assignment,
        )
        self.members[new_member_id] = new
        if self.leader_id == old_member_id:
            self.leader_id = new_member_id
        self.static_members[instance_id] = new_member_id
        # Otherwise the new id could never sync, and the old one would fail a later sync expiration.
        if old_member_id in self.pending_sync_members:
            self.pending_sync_members.remove(old_member_id)
            self.pending_sync_members.add(new_member_id)
        return new

    def validate_member(self, member_id: str, group_instance_id: str | None) -> ErrorCode:
        """`NONE`, `UNKNOWN_MEMBER_ID`, or `FENCED_INSTANCE_ID` when the instance goes by another member id now."""
        if group_instance_id is not None:
            existing = self.static_members.get(group_instance_id)
            if existing is None:
                return ErrorCode.UNKNOWN_MEMBER_ID
            if existing != member_id:
                return ErrorCode.FENCED_INSTANCE_ID
        return ErrorCode.NONE if member_id in self.members else ErrorCode.UNKNOWN_MEMBER_ID

    # -- parked requests

    def complete_join(self, member: ClassicGroupMember, response: JoinGroupResponse) -> None:
        respond = member.awaiting_join
        if respond is not None:
            member.awaiting_join = None
            self.awaiting_join_count -= 1
            respond(response)

    def complete_sync(self, member: ClassicGroupMember, response: SyncGroupResponse) -> bool:
        respond = member.awaiting_sync
        if respond is None:
            return False
        member.awaiting_sync = None
        respond(response)
        return True

    # -- the state machine

    def transition_to(self, state: ClassicGroupState, now_ms: int) -> None:
        assert self.state in _VALID_PREVIOUS[state], f"group {self.group_id}: {self.state.value} to {state.value}"
        self.previous_state = self.state
        self.state = state
        self.state_timestamp_ms = now_ms

    @property
    def is_empty(self) -> bool:
        return self.state is EMPTY

    @property
    def can_rebalance(self) -> bool:
        return self.state in _VALID_PREVIOUS[PREPARING_REBALANCE]

    @property
    def has_all_members_joined(self) -> bool:
        return len(self.members) == self.awaiting_join_count and not self.pending_join_members

    @property
    def rebalance_timeout_ms(self) -> int:
        """The longest that any member asked for."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    def elect_joined_leader(self) -> bool:
        """Keep the leader if it has rejoined, else take the first member that has. False: nobody has."""
        if self.leader_id is None:
            return False
        if self.members[self.leader_id].awaiting_join is not None:
            return True
        for member in self.members.values():
            if member.awaiting_join is not None:
                self.leader_id = member.member_id
                return True
        return False

    def start_next_generation(self, now_ms: int) -> None:
        self.generation_id += 1
        self.protocol_name = self.select_protocol() if self.members else None
        self.subscribed_topics = self.compute_subscribed_topics()
        self.transition_to(COMPLETING_REBALANCE if self.members else EMPTY, now_ms)
        self.pending_sync_members.clear()

    # -- protocols

    def supports_protocols(self, protocol_type: str, protocols: Protocols) -> bool:
        """Whether somebody who offers these could become a member, and the group still be loaded."""
        if protocol_type == CONSUMER_PROTOCOL_TYPE and any(breaks_a_load(metadata) for _, metadata in protocols):
            return False
        if self.state is EMPTY:
            return bool(protocol_type) and bool(protocols)
        size = len(self.members)
        return self.protocol_type == protocol_type and any(
            self.supported_protocols.get(name, 0) == size for name, _ in protocols
        )

    def select_protocol(self) -> str:
        """The protocol with most votes among those that all support; of equals, the one voted for first."""
        size = len(self.members)
        candidates = {name for name, count in self.supported_protocols.items() if count == size}
        votes: dict[str, int] = {}
        for member in self.members.values():
            choice = member.vote(candidates)
            votes[choice] = votes.get(choice, 0) + 1
        return max(votes, key=votes.__getitem__)

    def _count_protocols(self, member: ClassicGroupMember, by: int) -> None:
        counts = self.supported_protocols
        for name in {name for name, _ in member.protocols}:
            count = counts.get(name, 0) + by
            if count:
                counts[name] = count
            else:
                del counts[name]

    @property
    def uses_consumer_protocol(self) -> bool:
        return self.protocol_type == CONSUMER_PROTOCOL_TYPE

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether a member may read the topic; a consumer group that we cannot look into counts as subscribed."""
        if self.subscribed_topics is not None:
            return topic in self.subscribed_topics
        return self.uses_consumer_protocol

    def compute_subscribed_topics(self) -> frozenset[str] | None:
        if not self.uses_consumer_protocol:
            return None
        if not self.members:
            return frozenset()
        if self.protocol_name is None:
            return None
        topics: set[str] = set()
        try:
            for member in self.members.values():
                # An int16 version, then a subscription, of which version 0 is a prefix of every later one.
                subscription = ConsumerProtocolSubscription.decode(member.metadata(self.protocol_name), 0, offset=2)
                topics.update(subscription.topics)
        except (ProtocolError, KeyError):
            return None
        return frozenset(topics)

    # -- answers

    def joined_members(self) -> list[JoinGroupResponseMember]:
        """What the leader needs in order to assign."""
        assert self.protocol_name is not None
        return [
            JoinGroupResponseMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                metadata=member.metadata(self.protocol_name),
            )
            for member in self.members.values()
        ]

    def join_response(self, member_id: str, *, skip_assignment: bool = False) -> JoinGroupResponse:
        """This generation, as told to a member; the leader also hears of the others."""
        return JoinGroupResponse(
            error_code=ErrorCode.NONE,
            generation_id=self.generation_id,
            protocol_type=self.protocol_type,
            protocol_name=self.protocol_name,
            leader=self.leader_id or "",
            skip_assignment=skip_assignment,
            member_id=member_id,
            members=self.joined_members() if member_id == self.leader_id else [],
        )


def join_error(member_id: str, error: ErrorCode) -> JoinGroupResponse:
    return JoinGroupResponse(error_code=error, protocol_name=None, leader="", member_id=member_id, members=[])


def sync_error(error: ErrorCode) -> SyncGroupResponse:
    return SyncGroupResponse(error_code=error, assignment=b"")
