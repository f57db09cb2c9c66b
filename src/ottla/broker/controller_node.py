"""What a node has of the cluster's metadata: the quorum, and with the controller role the controller and its door.

    start    take the controllers' addresses ─► quorum: load, take part ─► let others in
    stop     hand over, close the log ─► close the door

A broker alone has an observer of the quorum. A sole voter without a controller listener, as Ottla is by default, has
neither door nor transport, and leads when `start` returns. Kafka's `ControllerServer`, `SharedServer`.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from ottla.broker.config_schema import ServerConfigSchema
from ottla.broker.controller.quorum_shell import QuorumShell
from ottla.broker.controller.shell import ControllerShell
from ottla.broker.settings import connection_limits, controller_settings, quorum_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ottla.broker.controller.broker_losses import BrokerLosses
    from ottla.broker.controller.local_requests import LocalRequests
    from ottla.broker.controller.peer_transport import PeerTransport
    from ottla.broker.controller_api_table import ControllerParts
    from ottla.broker.dispatcher import Dispatcher
    from ottla.broker.listener_security import ListenerSecurity
    from ottla.broker.listeners import Listeners
    from ottla.broker.peer.peer import PeerContext
    from ottla.broker.request_context import Handler
    from ottla.broker.storage_format import Storage
    from ottla.metadata.image import MetadataImage
    from ottla.metadata.registration import Endpoint
    from ottla.protocol.api_keys import ApiKey
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.loop import StopRequest
    from ottla.runtime.network import Listener
    from ottla.runtime.world import World


class CannotListenError(Exception):
    """An address is not to be had."""


class ControllerNode:
    def __init__(self, config: ServerConfig, world: World, stop_request: StopRequest) -> None:
        self.ports: dict[str, int] = {}
        """The real port of each controller listener."""
        self._config = config
        self._world = world
        self._stop_request = stop_request
        self.listeners: Listeners | None = None
        self.dispatcher: Dispatcher | None = None
        """Of the controller's listeners, if it has any."""
        self._is_started = False
        self._made_parts: ControllerParts | None = None
        self._losses: BrokerLosses | None = None
        self._stop_registering: Callable[[], None] = lambda: None
        # Made by `start`.
        self.quorum: QuorumShell
        self.controller: ControllerShell
        """Without the controller role it is never active."""

    async def start(self, storage: Storage, metadata_directory: Path, incarnation_id: bytes) -> None:
        """Raises what `QuorumShell.start` raises, `ConfigError`, `CannotListenError`."""
        config, world = self._config, self._world
        opened = await self._listen() if config.is_controller and config.controller_listeners else []
        settings = quorum_settings(
            config,
            cluster_id=storage.cluster_id,
            metadata_directory=metadata_directory,
            directory_id=storage.directory_ids[metadata_directory],
        )
        endpoints = [self._real(endpoint) for endpoint in settings.controller_endpoints]
        self.quorum = QuorumShell(
            replace(settings, controller_endpoints=endpoints),
            files=world.files,
            clock=world.clock,
            timers=world.timers,
            random=world.random,
            run_blocking=world.blocking.future,
            on_failure=lambda error: self._stop_request.stop("the metadata log failed", error),
            transport=self._transport() if opened or not config.is_controller else None,
        )
        self.controller = ControllerShell(
            controller_settings(config, incarnation_id=incarnation_id),
            ServerConfigSchema(config),
            self.quorum,
            clock=world.clock,
            timers=world.timers,
            random=world.random,
        )
        self.controller.start()
        self._is_started = True
        if opened:
            self._watch_brokers()
            self._let_in(opened, storage.cluster_id)
            self._register()

    def _watch_brokers(self) -> None:
        from ottla.broker.controller.broker_losses import BrokerLosses

        assert self.controller is not None
        listener = self._config.inter_broker_listener_name
        self._losses = BrokerLosses(self.controller, self._world.network, self._world.timers, listener)
        self._losses.start()

    def _register(self) -> None:
        """While another controller is active, it is told of this one."""
        from ottla.broker.controller.registration import ControllerRegistrar

        registrar = ControllerRegistrar(self.controller, self._transport(), self._world.timers)
        registrar.start()
        self._stop_registering = registrar.stop

    async def close(self) -> None:
        self._stop_registering()
        if self._losses is not None:
            self._losses.stop()
        try:
            if self._is_started:
                await self.controller.close()
        finally:
            if self.listeners is not None:
                self.listeners.close()

    @property
    def is_controller(self) -> bool:
        return self._config.is_controller

    @property
    def is_started(self) -> bool:
        return self._is_started

    @property
    def is_alone(self) -> bool:
        """The only voter, and nobody else can come in: the broker of this process needs no network to be one."""
        return self.controller.is_active and self.quorum.is_sole_voter and not self.ports

    def _image(self) -> MetadataImage:
        return self.quorum.image

    def peer_context(self, client_id: str) -> PeerContext:
        """For connections to controllers, with the security of their listener. Raises `ConfigError`."""
        from ottla.broker.peer.peer import PeerContext

        config, world = self._config, self._world
        security = None
        if any(config.security_protocols.get(name) != "PLAINTEXT" for name in config.controller_listener_names):
            from ottla.broker.peer.security import controller_peer_security

            security = controller_peer_security(config, world.clock)
        return PeerContext(world.network, world.clock, world.timers, client_id, security)

    def _transport(self) -> PeerTransport:
        from ottla.broker.controller.peer_transport import PeerTransport

        timeout_ms = self._config.get_int("controller.quorum.request.timeout.ms")
        return PeerTransport(self.peer_context(f"raft-client-{self._config.node_id}"), timeout_ms)

    def _real(self, endpoint: Endpoint) -> Endpoint:
        """With what was left open filled in."""
        host = socket.gethostname() if endpoint.host in ("", "0.0.0.0", "::") else endpoint.host
        return replace(endpoint, host=host, port=self.ports.get(endpoint.listener_name, endpoint.port))

    # ── the controller's door ──────────────────────────────────────────────────────────────────────────────────────

    async def _listen(self) -> list[Listener]:
        """Take the addresses; nobody is let in yet."""
        from ottla.broker.dispatcher import Dispatcher
        from ottla.broker.listeners import Listeners

        dispatcher = self.dispatcher = Dispatcher({})
        security = self._security()
        world = self._world
        limits = connection_limits(self._config)
        self.listeners = Listeners(world.network, world.timers, limits, world.clock, world.turn)
        opened = []
        for endpoint in self._config.controller_listeners:
            name = endpoint.listener_name
            try:
                listener = await self.listeners.open(name, endpoint.host, endpoint.port, dispatcher, security.get(name))
            except OSError as error:
                where = f"{endpoint.host}:{endpoint.port}"
                raise CannotListenError(f"cannot listen on {where}: {error.strerror or error}") from error
            listener.pause_accepting()
            self.ports[name] = listener.port
            opened.append(listener)
        return opened

    def _security(self) -> dict[str, ListenerSecurity]:
        if all(one.security_protocol == "PLAINTEXT" for one in self._config.controller_listeners):
            return {}
        from ottla.broker.listener_security import listener_security

        return listener_security(self._config, self._image, self._world.clock, self._config.controller_listeners)

    def _let_in(self, opened: list[Listener], cluster_id: str) -> None:
        from ottla.broker.controller_api_table import controller_handler_makers

        assert self.dispatcher is not None
        self.dispatcher.serve(controller_handler_makers(self._parts(cluster_id)))
        for listener in opened:
            listener.resume_accepting()

    def _parts(self, cluster_id: str) -> ControllerParts:
        from ottla.broker.authorizer.authorizer import make_authorizer
        from ottla.broker.controller_api_table import ControllerParts
        from ottla.broker.dynamic_config import DynamicServerConfig

        if self._made_parts is None:
            self._made_parts = ControllerParts(
                config=self._config,
                cluster_id=cluster_id,
                clock=self._world.clock,
                quorum=self.quorum,
                controller=self.controller,
                dynamic_config=DynamicServerConfig(self._config),
                authorizer=make_authorizer(self._config, self._image),
                losses=self._losses,
                dispatcher=self.dispatcher,
            )
        return self._made_parts

    def local_requests(self, cluster_id: str) -> LocalRequests | None:
        """For the broker of this process; `None` without the controller role."""
        if not self._config.is_controller:
            return None
        from ottla.broker.controller.local_requests import LocalRequests

        def handler_of(key: ApiKey) -> Handler:
            from ottla.broker.controller_api_table import CONTROLLER_HANDLERS

            return CONTROLLER_HANDLERS[key](self._parts(cluster_id))

        return LocalRequests(self.controller, handler_of, self.quorum.settings.listener_name)
