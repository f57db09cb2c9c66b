"""This broker's registration with the quorum, whose controller runs in the same process.

    start    fence what is left of an earlier run ─► register (fenced) ─► unfence: it leads its partitions
    stop     controlled shutdown: it leads nothing ─► fence

The records are those of a broker that registers and sends heartbeats over the network. KIP-631, 841, 858, 966.
"""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

from ottla.metadata.controller.brokers import begin_controlled_shutdown, fence_broker, register_broker, unfence_broker
from ottla.metadata.controller.directories import assign_replicas, directories_offline
from ottla.metadata.features import SUPPORTED_FEATURES
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, Feature, Listener

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    from ottla.broker.controller.shell import ControllerShell
    from ottla.runtime.config.server_config import ServerConfig

SECURITY_PROTOCOL_IDS = {"PLAINTEXT": 0, "SSL": 1, "SASL_PLAINTEXT": 2, "SASL_SSL": 3}
NOT_REGISTERED = -1


class Registration:
    """`broker_epoch` is that of this run, once registered."""

    def __init__(
        self,
        config: ServerConfig,
        controller: ControllerShell,
        *,
        cluster_id: str,
        incarnation_id: bytes,
        report: Callable[[str], None],
    ) -> None:
        self._config = config
        self._controller = controller
        self._cluster_id = cluster_id
        self._incarnation_id = incarnation_id
        self._report = report
        self.broker_epoch = NOT_REGISTERED

    def register(self, *, ports: Mapping[str, int], directory_ids: Sequence[bytes], previous_broker_epoch: int) -> None:
        """Committed when it returns. `previous_broker_epoch`: of a run that stopped cleanly, else -1."""
        controller, schema, node_id = self._controller, self._controller.schema, self._config.node_id
        if node_id in controller.image.cluster.brokers:
            controller.decide_now(lambda view: fence_broker(view, schema, node_id, controller.heartbeats))
        request = registration_request(
            self._config,
            cluster_id=self._cluster_id,
            incarnation_id=self._incarnation_id,
            ports=ports,
            directory_ids=directory_ids,
            previous_broker_epoch=previous_broker_epoch,
        )
        self.broker_epoch = controller.decide_now(
            lambda view: register_broker(
                view,
                schema,
                controller.heartbeats,
                request,
                api_version=request.versions.latest,
                cluster_id=self._cluster_id,
                kraft_version=controller.history.kraft_version,
            )
        )

    async def unfence(self) -> None:
        """This broker may lead: published when it returns."""
        schema, node_id = self._controller.schema, self._config.node_id
        self._controller.decide_now(lambda view: unfence_broker(view, schema, node_id, self.broker_epoch))

    async def shut_down(self) -> None:
        """Lead nothing any more, and say that this broker is gone."""
        node_id = self._config.node_id
        if self.broker_epoch == NOT_REGISTERED or node_id not in self._controller.image.cluster.brokers:
            return  # UnregisterBroker may have taken it out
        schema = self._controller.schema
        await self._controller.submit(
            partial(begin_controlled_shutdown, schema=schema, broker_id=node_id, broker_epoch=self.broker_epoch)
        )
        await self._controller.submit(partial(fence_broker, schema=schema, broker_id=node_id))

    def reconfigure(self, config: ServerConfig) -> None:
        """Nothing of it concerns a controller that has one broker."""

    # ── log directories: `directory_failures.DirectoryReports` ─────────────────────────────────────────────────────

    def placed(self, replicas: Mapping[tuple[bytes, int], bytes]) -> None:
        decision = partial(assign_replicas, broker_id=self._config.node_id, placed=replicas)
        self._submitted(self._controller.submit(decision))

    def offline(self, directory_ids: Sequence[bytes]) -> None:
        schema, node_id = self._controller.schema, self._config.node_id
        decision = partial(directories_offline, schema=schema, broker_id=node_id, offline=directory_ids)
        self._submitted(self._controller.submit(decision))

    def _submitted(self, future: asyncio.Future[None]) -> None:
        def done(answer: asyncio.Future[None]) -> None:
            if not answer.cancelled() and (error := answer.exception()) is not None:
                self._report(f"the controller could not be told of log directories: {error}")

        future.add_done_callback(done)


def registration_request(
    config: ServerConfig,
    *,
    cluster_id: str,
    incarnation_id: bytes,
    ports: Mapping[str, int],
    directory_ids: Sequence[bytes],
    previous_broker_epoch: int,
) -> BrokerRegistrationRequest:
    """What a broker says of itself to its controller."""
    return BrokerRegistrationRequest(
        broker_id=config.node_id,
        cluster_id=cluster_id,
        incarnation_id=incarnation_id,
        listeners=advertised(config, ports),
        features=[
            Feature(name=name, min_supported_version=levels.min_level, max_supported_version=levels.max_level)
            for name, levels in SUPPORTED_FEATURES.items()
        ],
        rack=config.get_optional_str("broker.rack"),
        log_dirs=list(directory_ids),
        previous_broker_epoch=previous_broker_epoch,
    )


def advertised(config: ServerConfig, ports: Mapping[str, int]) -> list[Listener]:
    """What clients are told: hosts and ports that were left open are filled in. `ports`: real ones, by listener."""
    return [
        Listener(
            name=endpoint.listener_name,
            host=endpoint.host or socket.gethostname(),
            port=endpoint.port or ports[endpoint.listener_name],
            security_protocol=SECURITY_PROTOCOL_IDS[endpoint.security_protocol],
        )
        for endpoint in config.advertised_listeners
    ]
