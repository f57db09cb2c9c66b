"""This broker as a member of a cluster whose controller may be elsewhere: what `Registration` is to a node alone.

    join     register over the network, wait until the metadata is here
    unfence  it may lead
    while it lives: heartbeats, and where its replicas lie

ADR 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.assignments import Assignments
from ottla.broker.lifecycle import BrokerLifecycle, LifecycleSettings, State
from ottla.broker.log_directories import is_cordoned
from ottla.broker.registration import registration_request
from ottla.log.clean_shutdown import read_broker_epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import PurePath

    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.controller_channel import ControllerChannel
    from ottla.broker.storage_format import Storage
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.loop import StopRequest
    from ottla.runtime.world import World


class ClusterMembership:
    """`heartbeats` and `channel` are two connections: what is said with the first must not wait for the second."""

    def __init__(
        self,
        config: ServerConfig,
        world: World,
        controller: ControllerShell,
        heartbeats: ControllerChannel,
        channel: ControllerChannel,
        stop_request: StopRequest,
        report: Callable[[str], None],
    ) -> None:
        self._config = config
        self._world = world
        self._controller = controller
        self._lifecycle = BrokerLifecycle(
            lifecycle_settings(config),
            heartbeats,
            lambda: controller.image,
            clock=world.clock,
            timers=world.timers,
            report=report,
            quorum_is_gone=lambda: controller.quorum.majority_is_gone,
            gone=lambda why: stop_request.stop("this broker is not part of the cluster any more", RuntimeError(why)),
        )
        self._directory_ids: dict[PurePath, bytes] = {}
        """Of the log directories that are in service, by path."""
        self._cordoned: list[bytes] = []
        self._assignments = Assignments(channel, config.node_id, lambda: self.broker_epoch, world.timers, report)

    @property
    def broker_epoch(self) -> int:
        return self._lifecycle.broker_epoch

    async def join(
        self,
        storage: Storage,
        incarnation_id: bytes,
        *,
        ports: Mapping[str, int],
        log_directories: Sequence[PurePath],
    ) -> None:
        """Return when this node's metadata has its registration. `KafkaError` when the controller does not take it."""
        request = registration_request(
            self._config,
            cluster_id=storage.cluster_id,
            incarnation_id=incarnation_id,
            ports=ports,
            directory_ids=[storage.directory_ids[path] for path in log_directories],
            previous_broker_epoch=self._previous_broker_epoch(log_directories),
        )
        self._directory_ids = {path: storage.directory_ids[path] for path in log_directories}
        self.reconfigure(self._config)
        self._controller.subscribe(self._lifecycle.on_metadata)
        self._lifecycle.start(request)
        await self._lifecycle.wait_for(State.FENCED)

    def _previous_broker_epoch(self, log_directories: Sequence[PurePath]) -> int:
        """Of a run that stopped cleanly in every directory, else -1."""
        epochs = {read_broker_epoch(self._world.files, path) for path in log_directories}
        return epochs.pop() if len(epochs) == 1 else -1

    def reconfigure(self, config: ServerConfig) -> None:
        """Tell the controller which directories are cordoned."""
        cordoned = [id_ for path, id_ in self._directory_ids.items() if is_cordoned(config, path)]
        if cordoned != self._cordoned:
            self._cordoned = cordoned
            self._lifecycle.directories_cordoned(cordoned)

    async def unfence(self) -> None:
        await self._lifecycle.unfence()

    async def shut_down(self) -> None:
        self._assignments.close()
        await self._lifecycle.shut_down()

    # ── log directories: `directory_failures.DirectoryReports` ─────────────────────────────────────────────────────

    def placed(self, replicas: Mapping[tuple[bytes, int], bytes]) -> None:
        self._assignments.assign(replicas)

    def offline(self, directory_ids: Sequence[bytes]) -> None:
        self._lifecycle.directories_offline(directory_ids)


def lifecycle_settings(config: ServerConfig) -> LifecycleSettings:
    return LifecycleSettings(
        heartbeat_interval_ms=config.get_int("broker.heartbeat.interval.ms"),
        session_timeout_ms=config.get_int("broker.session.timeout.ms"),
        registration_timeout_ms=config.get_int("initial.broker.registration.timeout.ms"),
        controlled_shutdown=config.get_bool("controlled.shutdown.enable"),
    )
