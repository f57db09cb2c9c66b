"""A member of a classic group, request by request (KIP-62, KIP-345, KIP-394): who it is, and whom it asks.

When to join, what to say and what to make of an assignment is its owner's business: a consumer's, a worker's of
Connect, an instance's of the schema registry.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from ottla.clients.errors import ClientError
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ottla.clients.client import KafkaClient

JOIN_MARGIN_MS: Final = 10_000
"""For how much longer than a rebalance may take its answer is waited for."""
_COORDINATOR_MOVED: Final = (ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE)


class ClassicGroup:
    """`joined = await join(…)`, `await sync(joined, …)`, then `heartbeat()` for as long as it says True; `leave()`.

    `KafkaError`, `ClientError`: after either it knows whether it has to begin as somebody new, or to look for the
    coordinator again.
    """

    def __init__(
        self,
        client: KafkaClient,
        group_id: str,
        protocol_type: str,
        *,
        session_timeout_ms: int,
        rebalance_timeout_ms: int,
        group_instance_id: str | None = None,
    ) -> None:
        self.group_id = group_id
        self.group_instance_id = group_instance_id
        self.member_id = ""
        self.generation_id = -1
        self._client = client
        self._protocol_type = protocol_type
        self._session_timeout_ms = session_timeout_ms
        self._rebalance_timeout_ms = rebalance_timeout_ms
        self._coordinator: int | None = None

    async def join(self, protocols: Sequence[tuple[str, bytes]]) -> JoinGroupResponse:
        """`protocols`: each with what this member says under it. Waits for all others."""
        request = JoinGroupRequest(
            group_id=self.group_id,
            session_timeout_ms=self._session_timeout_ms,
            rebalance_timeout_ms=self._rebalance_timeout_ms,
            member_id=self.member_id,
            group_instance_id=self.group_instance_id,
            protocol_type=self._protocol_type,
            protocols=[JoinGroupRequestProtocol(name=name, metadata=said) for name, said in protocols],
        )
        timeout_ms = self._rebalance_timeout_ms + JOIN_MARGIN_MS
        with self._heeding_errors():
            joined = await self._client.send_to(await self._found(), request, JoinGroupResponse, timeout_ms=timeout_ms)
            if joined.error_code == ErrorCode.MEMBER_ID_REQUIRED:
                self.member_id = request.member_id = joined.member_id
                joined = await self._client.send_to(
                    await self._found(), request, JoinGroupResponse, timeout_ms=timeout_ms
                )
            self._check(joined.error_code)
        self.member_id, self.generation_id = joined.member_id, joined.generation_id
        return joined

    @staticmethod
    def assigns(joined: JoinGroupResponse) -> bool:
        """Whether it is this member that says who gets what."""
        return joined.leader == joined.member_id and not joined.skip_assignment

    async def sync(self, joined: JoinGroupResponse, assignments: Mapping[str, bytes]) -> bytes:
        """What this member gets; `assignments`, by member, come from the one that assigns."""
        request = SyncGroupRequest(
            group_id=self.group_id,
            generation_id=self.generation_id,
            member_id=self.member_id,
            group_instance_id=self.group_instance_id,
            protocol_type=self._protocol_type,
            protocol_name=joined.protocol_name,
            assignments=[
                SyncGroupRequestAssignment(member_id=member, assignment=data) for member, data in assignments.items()
            ],
        )
        timeout_ms = self._rebalance_timeout_ms + JOIN_MARGIN_MS
        with self._heeding_errors():
            synced = await self._client.send_to(await self._found(), request, SyncGroupResponse, timeout_ms=timeout_ms)
            self._check(synced.error_code)
        return bytes(synced.assignment)

    async def heartbeat(self) -> bool:
        """False: the group wants to be joined again."""
        request = HeartbeatRequest(
            group_id=self.group_id,
            generation_id=self.generation_id,
            member_id=self.member_id,
            group_instance_id=self.group_instance_id,
        )
        with self._heeding_errors():
            answer = await self._client.send_to(await self._found(), request, HeartbeatResponse)
            if answer.error_code == ErrorCode.REBALANCE_IN_PROGRESS:
                return False
            self._check(answer.error_code)
        return True

    async def leave(self, reason: str) -> None:
        """So that others need not wait for the session's end. A static member, or one that was none, does nothing."""
        if not self.member_id or self._coordinator is None or self.group_instance_id is not None:
            return
        member_id, self.member_id = self.member_id, ""
        connection = await self._client.connection_to(self._coordinator)
        request = LeaveGroupRequest(group_id=self.group_id)
        if connection.version_of(LeaveGroupRequest) >= 3:
            request.members = [MemberIdentity(member_id=member_id, reason=reason)]
        else:
            request.member_id = member_id
        await connection.send(request, LeaveGroupResponse, timeout_ms=self._client.request_timeout_ms)

    async def _found(self) -> int:
        if self._coordinator is None:
            self._coordinator = await self._client.coordinator(self.group_id)
        return self._coordinator

    def _check(self, number: int) -> None:
        code = error_code(number)
        if code is not ErrorCode.NONE:
            raise KafkaError(code, f"group '{self.group_id}'")

    @contextlib.contextmanager
    def _heeding_errors(self) -> Iterator[None]:
        try:
            yield
        except KafkaError as error:
            if error.code is ErrorCode.UNKNOWN_MEMBER_ID:
                self.member_id, self.generation_id = "", -1
            elif error.code in _COORDINATOR_MOVED:
                self._coordinator = None
            raise
        except (ClientError, OSError):
            self._coordinator = None
            raise
