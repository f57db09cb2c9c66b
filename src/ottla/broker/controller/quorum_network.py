"""What the quorum needs where there are others: who asked what, whom to ask, and snapshots that come in pieces.

Imported when the first of it happens: a sole voter never does.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ottla.broker.controller.loading import image_of_snapshot
from ottla.broker.controller.quorum_files import QuorumFiles
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.message import Request, Response
from ottla.raft.batches import RaftLogError
from ottla.raft.effects import Effect
from ottla.raft.inbound import Inbound
from ottla.raft.peer_effects import (
    InstallSnapshot,
    LeaderChanged,
    ReceiveSnapshot,
    Reply,
    SendRequest,
    TruncateLog,
)
from ottla.raft.settings import Address
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.state import RaftError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.metadata.image import MetadataImage
    from ottla.raft.quorum import RaftQuorum
    from ottla.raft.state import Now

MAX_WAITING = 2_000
"""Requests whose answer is still to come."""


class RaftTransport(Protocol):
    """The way to other replicas, by address."""

    on_gone: Callable[[Address], None]
    """Told of an address where nobody listens any more."""

    def send(self, destination: Address, request: Request) -> "asyncio.Future[Response]":
        """Fails with any exception: there will be no answer."""
        ...

    def close(self) -> None: ...


class Quorum(Protocol):
    """`QuorumShell`."""

    @property
    def raft(self) -> "RaftQuorum": ...

    @property
    def failure(self) -> Exception | None: ...

    def now(self) -> "Now": ...

    def event(self, event: "Callable[[Now], Sequence[Effect]]") -> None: ...

    def truncate(self, offset: int) -> None: ...

    def leader_changed(self) -> None: ...

    def installed(self, image: "MetadataImage", end_offset: int) -> None: ...


class QuorumNetwork:
    def __init__(self, shell: Quorum, files: QuorumFiles, transport: RaftTransport | None) -> None:
        self._shell = shell
        self._files = files
        self._transport = transport
        self._replies: dict[int, asyncio.Future[Response]] = {}
        self._next_token = 0
        self.gone: set[Address] = set()
        """Where nobody listened when it was last tried."""
        if transport is not None:
            transport.on_gone = self._on_gone

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self._files.abandon_receiving()
        for reply in list(self._replies.values()):
            if not reply.done():
                reply.set_exception(KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, "This node is shutting down"))

    def _on_gone(self, address: Address) -> None:
        self.gone.add(address)
        self._shell.event(lambda now: self._shell.raft.peer_is_gone(address, now))

    # ── being asked ────────────────────────────────────────────────────────────────────────────────────────────────

    def ask(self, request: Request, api_version: int, listener: str) -> "asyncio.Future[Response]":
        reply: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        if len(self._replies) >= MAX_WAITING:
            reply.set_exception(KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, "Too many requests wait for the quorum"))
            return reply
        self._next_token += 1
        token = self._next_token
        self._replies[token] = reply
        reply.add_done_callback(lambda _: self._answered(token, reply))
        shell = self._shell
        shell.event(lambda now: shell.raft.handle_request(Inbound(token, request, api_version, listener), now))
        if shell.failure is not None and not reply.done():
            reply.set_exception(KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, f"The quorum has failed: {shell.failure}"))
        return reply

    def _answered(self, token: int, reply: "asyncio.Future[Response]") -> None:
        self._replies.pop(token, None)
        if reply.cancelled():
            self._shell.raft.forget_request(token)

    # ── effects ────────────────────────────────────────────────────────────────────────────────────────────────────

    def execute(self, effect: Effect) -> list[Effect]:
        """What consensus says to it, if it is told at once."""
        match effect:
            case SendRequest():
                self._send(effect)
            case Reply():
                reply = self._replies.get(effect.token)
                if reply is not None and not reply.done():
                    reply.set_result(effect.response)
            case TruncateLog():
                self._shell.truncate(effect.offset)
            case LeaderChanged():
                self._shell.leader_changed()
            case ReceiveSnapshot():
                self._files.receive(effect.snapshot_id, effect.position, effect.data)
            case InstallSnapshot():
                return self._install(effect.snapshot_id)
            case _:
                raise RaftError(f"nobody knows what to do with {type(effect).__name__}")
        return []

    def _send(self, effect: SendRequest) -> None:
        shell, correlation_id = self._shell, effect.correlation_id
        if self._transport is None:  # a node that can reach nobody
            asyncio.get_running_loop().call_soon(
                lambda: shell.event(lambda now: shell.raft.request_failed(correlation_id, now))
            )
            return

        def done(answer: "asyncio.Future[Response]") -> None:
            if answer.cancelled():
                return
            if answer.exception() is not None:
                shell.event(lambda now: shell.raft.request_failed(correlation_id, now))
            else:
                self.gone.discard(effect.destination)
                shell.event(lambda now: shell.raft.handle_response(correlation_id, answer.result(), now))

        self._transport.send(effect.destination, effect.request).add_done_callback(done)

    def _install(self, snapshot_id: SnapshotId) -> list[Effect]:
        raft, now = self._shell.raft, self._shell.now()
        try:
            if snapshot_id not in self._files.snapshots():
                self._files.finish_receiving(snapshot_id)
            content = self._files.read(snapshot_id)
            image = image_of_snapshot(snapshot_id, content)
        except RaftLogError:
            self._files.remove_if_there(snapshot_id)
            return raft.snapshot_refused(now)
        self._shell.installed(image, snapshot_id.end_offset)
        return raft.snapshot_installed(snapshot_id, content.kraft_version, content.voters, now)
