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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ottla.clients.classic_group import ClassicGroup
from ottla.clients.errors import ClientError
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.registry.schema.compact_json import compact_json
from ottla.runtime.cancellation import raise_if_cancelled

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
        self._group = ClassicGroup(
            client,
            group,
            PROTOCOL_TYPE,
            session_timeout_ms=session_timeout_ms,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
        )
        self._identity = identity
        self._on_leader = on_leader
        self._session_timeout_ms = session_timeout_ms
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
        with contextlib.suppress(KafkaError, ClientError):
            await self._group.leave("the registry is being stopped")

    async def _run(self) -> None:
        while True:
            try:
                await self._join()
                await self._stay()
            except (KafkaError, ClientError, OSError) as error:
                raise_if_cancelled()
                _log.debug("group %s: %s", self._group.group_id, error)
                if isinstance(error, KafkaError) and error.code is ErrorCode.UNKNOWN_MEMBER_ID and self._leads:
                    self._set_leader(None, mine=False)  # thrown out: somebody else may lead already
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
        identity = replace(self._identity, leads=self._leads)
        joined = await self._group.join([(PROTOCOL, compact_json(identity.to_json()).encode())])
        assignments = _assign(joined.members) if ClassicGroup.assigns(joined) else {}
        assignment = await self._group.sync(joined, assignments)
        self._heard()
        self._take(assignment)

    def _take(self, assignment: bytes) -> None:
        try:
            value = json.loads(assignment) if assignment else {}
        except ValueError:
            value = {}
        if value.get("error") == DUPLICATE_URLS:
            _log.error("two instances of group %s say that they are reached at one URL", self._group.group_id)
        member = value.get("master")
        self._set_leader(Identity.from_json(value.get("master_identity")), mine=member == self._group.member_id)

    def _set_leader(self, identity: Identity | None, *, mine: bool) -> None:
        self._leads = mine
        self._on_leader(identity, mine)

    async def _heartbeat(self) -> bool:
        """False: the group wants to be joined again."""
        stays = await self._group.heartbeat()
        self._heard()
        return stays

    def _heard(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()


def _assign(members: Sequence[JoinGroupResponseMember]) -> dict[str, bytes]:
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
    return dict.fromkeys((member.member_id for member in members), compact_json(value).encode())
