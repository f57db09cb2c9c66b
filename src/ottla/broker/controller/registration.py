"""A controller that is not active registers with the one that is. KIP-919; Kafka's `ControllerRegistrationManager`.

the metadata, or who leads, changes ─► is this run registered? ─► ask ─► the metadata says so
                                              ▲                    └─ failed ─► after a while ─┐
                                              └────────────────────────────────────────────────┘
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.metadata.features import SUPPORTED_FEATURES, registers_controllers
from ottla.protocol.api.controller_registration import (
    ControllerRegistrationRequest,
    ControllerRegistrationResponse,
    Feature,
    Listener,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    import asyncio

    from ottla.broker.controller.quorum_network import RaftTransport
    from ottla.broker.controller.shell import ControllerShell
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.message import Response
    from ottla.runtime.time import Timer, Timers

RETRY_AFTER_MS: Final = 100.0
ASK_AGAIN_AFTER_MS: Final = 2_000.0
"""Registered, as the answer said, and not seen in the metadata yet."""


class ControllerRegistrar:
    def __init__(self, controller: ControllerShell, transport: RaftTransport, timers: Timers) -> None:
        self._controller = controller
        self._transport = transport
        self._timers = timers
        self._asking: asyncio.Future[Response] | None = None
        self._retry: Timer | None = None
        self._stopped = False

    def start(self) -> None:
        quorum = self._controller.quorum
        quorum.subscribe(self._on_metadata)
        quorum.on_leader_changed(lambda leader_id, epoch: self._look())
        self._look()

    def stop(self) -> None:
        self._stopped = True
        self._transport.close()
        if self._retry is not None:
            self._retry.cancel()

    def _on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        self._look()

    def _is_due(self) -> bool:
        controller, quorum = self._controller, self._controller.quorum
        if self._stopped or controller.is_active or not registers_controllers(quorum.image.features.metadata_version):
            return False
        known = quorum.image.cluster.controllers.get(quorum.local.node_id)
        return known is None or known.incarnation_id != controller.settings.incarnation_id

    def _look(self) -> None:
        if self._asking is not None or self._retry is not None or not self._is_due():
            return
        leader = self._controller.quorum.leader_endpoint()
        if leader is None:
            return  # there will be one, and `_look` is called then
        self._asking = self._transport.send(leader, self._request())
        self._asking.add_done_callback(self._answered)

    def _answered(self, answer: asyncio.Future[Response]) -> None:
        self._asking = None
        if self._stopped or answer.cancelled():
            return
        is_well = answer.exception() is None
        if is_well:
            response = answer.result()
            is_well = isinstance(response, ControllerRegistrationResponse) and response.error_code == ErrorCode.NONE
        self._retry = self._timers.call_later(ASK_AGAIN_AFTER_MS if is_well else RETRY_AFTER_MS, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._look()

    def _request(self) -> ControllerRegistrationRequest:
        quorum = self._controller.quorum
        return ControllerRegistrationRequest(
            controller_id=quorum.local.node_id,
            incarnation_id=self._controller.settings.incarnation_id,
            zk_migration_ready=False,
            listeners=[
                Listener(name=one.listener_name, host=one.host, port=one.port, security_protocol=one.security_protocol)
                for one in quorum.settings.controller_endpoints
            ],
            features=[
                Feature(name=name, min_supported_version=levels.min_level, max_supported_version=levels.max_level)
                for name, levels in SUPPORTED_FEATURES.items()
            ],
        )
