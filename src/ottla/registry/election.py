"""Who leads: one member of the classic group `schema-registry`, of the protocol type `sr`, as the Confluent Schema
Registry has it, so that instances of both can stand in one group.

Members send who they are; the one that Kafka lets assign names the leader to all: the one that leads already, else the
eligible one with the smallest URL. A leader that has not heard of its group for a session's time leads no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.clients.errors import ClientError
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.registry.schema.compact_json import compact_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.clients.client import KafkaClient
    from ottla.protocol.api.join_group import JoinGroupResponseMember

_log = logging.getLogger(__name__)

PROTOCOL_TYPE: Final = "sr"
PROTOCOL: Final = "v0"
REBALANCE_TIMEOUT_MS: Final = 30_000
RETRY_S: Final = 0.2
DUPLICATE_URLS: Final = 1

_COORDINATOR_MOVED: Final = (ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE)


@dataclass(frozen=True, slots=True)
class Identity:
    """An instance, and where the others reach it."""

    host: str
    port: int
    eligible: bool = True
    scheme: str = "http"
    leads: bool = False

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def to_json(self) -> dict[str, object]:
        return {
            "version": 1,
            "host": self.host,
            "port": self.port,
            "master_eligibility": self.eligible,
            "scheme": self.scheme,
            "leader": self.leads,
        }

    @classmethod
    def from_json(cls, value: object) -> Identity | None:
        if not isinstance(value, dict):
            return None
        host, port = value.get("host"), value.get("port")
        if not isinstance(host, str) or not isinstance(port, int):
            return None
        return cls(
            host,
            port,
            value.get("master_eligibility") is not False,
            str(value.get("scheme") or "http"),
            value.get("leader") is True,
        )


def choose_leader(members: dict[str, Identity]) -> str | None:
    """The member id of the leader; `None` if nobody may lead."""
    eligible = {member: identity for member, identity in members.items() if identity.eligible}
    leading = [member for member, identity in eligible.items() if identity.leads]
    if len(leading) == 1:
        return leading[0]
    return min(eligible, key=lambda member: (eligible[member].url, member), default=None)


class Election:
    """`on_leader(identity, mine)` is called with every change: who leads (`None`: nobody known), whether it is us."""

    def __init__(
        self,
        client: KafkaClient,
        group: str,
        identity: Identity,
        on_leader: Callable[[Identity | None, bool], None],
        *,
        session_timeout_ms: int,
    ) -> None:
        self._client = client
        self._group = group
        self._identity = identity
        self._on_leader = on_leader
        self._session_timeout_ms = session_timeout_ms
        self._member_id = ""
        self._generation = -1
        self._coordinator: int | None = None
        self._leads = False
        self._heard_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        self._task = loop.create_task(self._run())
        self._watch = loop.create_task(self._watch_session())

    async def stop(self) -> None:
        """Leaves the group, so that another leads at once."""
        for task in (self._task, self._watch):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._member_id and self._coordinator is not None:
            with contextlib.suppress(KafkaError, ClientError):
                await self._leave(self._coordinator)

    async def _run(self) -> None:
        while True:
            try:
                await self._join()
                await self._stay()
            except (KafkaError, ClientError, OSError) as error:
                _log.debug("group %s: %s", self._group, error)
                if not isinstance(error, KafkaError) or error.code in _COORDINATOR_MOVED:
                    self._coordinator = None
                await asyncio.sleep(RETRY_S)

    async def _stay(self) -> None:
        wait_s = self._session_timeout_ms / 3000
        while await self._heartbeat():  # noqa: ASYNC110 (nothing else says when it is time)
            await asyncio.sleep(wait_s)

    async def _watch_session(self) -> None:
        """Without news of the group for as long as it takes to be thrown out of it, somebody else may lead."""
        session_s = self._session_timeout_ms / 1000
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(session_s / 4)
            if loop.time() - self._heard_at > session_s and self._leads:
                self._set_leader(None, mine=False)

    async def _join(self) -> None:
        if self._coordinator is None:
            self._coordinator = await self._client.coordinator(self._group)
        identity = Identity(
            self._identity.host, self._identity.port, self._identity.eligible, self._identity.scheme, self._leads
        )
        metadata = compact_json(identity.to_json()).encode()
        request = JoinGroupRequest(
            group_id=self._group,
            session_timeout_ms=self._session_timeout_ms,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            member_id=self._member_id,
            protocol_type=PROTOCOL_TYPE,
            protocols=[JoinGroupRequestProtocol(name=PROTOCOL, metadata=metadata)],
        )
        joined = await self._client.send_to(
            self._coordinator, request, JoinGroupResponse, timeout_ms=REBALANCE_TIMEOUT_MS + 10_000
        )
        if joined.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            self._member_id = joined.member_id
            return await self._join()
        self._check(joined.error_code)
        self._member_id, self._generation = joined.member_id, joined.generation_id
        assignments: list[SyncGroupRequestAssignment] = []
        if joined.leader == joined.member_id and not joined.skip_assignment:
            assignments = _assign(joined.members)
        sync = SyncGroupRequest(
            group_id=self._group,
            generation_id=self._generation,
            member_id=self._member_id,
            protocol_type=PROTOCOL_TYPE,
            protocol_name=joined.protocol_name,
            assignments=assignments,
        )
        synced = await self._client.send_to(
            self._coordinator, sync, SyncGroupResponse, timeout_ms=REBALANCE_TIMEOUT_MS + 10_000
        )
        self._check(synced.error_code)
        self._heard()
        self._take(bytes(synced.assignment))
        return None

    def _take(self, assignment: bytes) -> None:
        try:
            value = json.loads(assignment) if assignment else {}
        except ValueError:
            value = {}
        if value.get("error") == DUPLICATE_URLS:
            _log.error("two instances of group %s say that they are reached at one URL", self._group)
        member = value.get("master")
        self._set_leader(Identity.from_json(value.get("master_identity")), mine=member == self._member_id)

    def _set_leader(self, identity: Identity | None, *, mine: bool) -> None:
        self._leads = mine
        self._on_leader(identity, mine)

    async def _heartbeat(self) -> bool:
        """False: the group wants to be joined again."""
        assert self._coordinator is not None
        request = HeartbeatRequest(group_id=self._group, generation_id=self._generation, member_id=self._member_id)
        answer = await self._client.send_to(self._coordinator, request, HeartbeatResponse)
        code = error_code(answer.error_code)
        if code is ErrorCode.REBALANCE_IN_PROGRESS:
            self._heard()
            return False
        self._check(answer.error_code)
        self._heard()
        return True

    def _heard(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()

    def _check(self, number: int) -> None:
        code = error_code(number)
        if code is ErrorCode.UNKNOWN_MEMBER_ID:
            self._member_id, self._generation = "", -1
            if self._leads:  # thrown out: somebody else may lead already
                self._set_leader(None, mine=False)
        if code is not ErrorCode.NONE:
            raise KafkaError(code, f"group '{self._group}'")

    async def _leave(self, coordinator: int) -> None:
        connection = await self._client.connection_to(coordinator)
        request = LeaveGroupRequest(group_id=self._group)
        if connection.version_of(LeaveGroupRequest) >= 3:
            request.members = [MemberIdentity(member_id=self._member_id, reason="the registry is being stopped")]
        else:
            request.member_id = self._member_id
        await connection.send(request, LeaveGroupResponse, timeout_ms=self._client.request_timeout_ms)


def _assign(members: Sequence[JoinGroupResponseMember]) -> list[SyncGroupRequestAssignment]:
    identities: dict[str, Identity] = {}
    for member in members:
        with contextlib.suppress(ValueError):
            identity = Identity.from_json(json.loads(bytes(member.metadata)))
            if identity is not None:
                identities[member.member_id] = identity
    leader = choose_leader(identities)
    urls = [identity.url for identity in identities.values()]
    value: dict[str, object] = {"version": 1, "error": DUPLICATE_URLS if len(set(urls)) < len(urls) else 0}
    if leader is not None:
        value |= {"master": leader, "master_identity": identities[leader].to_json()}
    assignment = compact_json(value).encode()
    return [SyncGroupRequestAssignment(member_id=member.member_id, assignment=assignment) for member in members]
