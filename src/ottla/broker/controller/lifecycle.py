"""The broker of this process as the controller knows it: registers, is unfenced, and leaves in order. KIP-631, 841, 966.

The same decisions as of a broker elsewhere, by direct call. A predecessor that is still registered as alive has died,
for its log directories are locked by this process: it is fenced at once, where Kafka waits for its session to end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ottla.broker.controller.shell import ControllerShell
from ottla.metadata.controller.brokers import begin_controlled_shutdown, fence_broker, register_broker, unfence_broker
from ottla.metadata.features import SUPPORTED_FEATURES
from ottla.metadata.registration import Endpoint
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, Feature, Listener


@dataclass(frozen=True, slots=True)
class BrokerIdentity:
    broker_id: int
    incarnation_id: bytes
    """New with every start."""
    advertised: Sequence[Endpoint]
    """Listeners that clients and brokers are told of, with their real ports."""
    rack: str | None
    directory_ids: Sequence[bytes]
    previous_epoch: int
    """From `.kafka_cleanshutdown`; -1 after an unclean stop."""


class BrokerLifecycle:
    def __init__(self, shell: ControllerShell, identity: BrokerIdentity) -> None:
        self._shell = shell
        self._identity = identity
        self.epoch = -1
        """The broker epoch, once registered."""

    def register(self) -> int:
        """Blocking: committed and published when it returns. The broker is fenced until `unfence`."""
        shell, broker_id = self._shell, self._identity.broker_id
        request = self._request()
        if broker_id in shell.image.cluster.brokers:
            shell.decide_now(lambda view: fence_broker(view, shell.schema, broker_id))
        self.epoch = shell.decide_now(
            lambda view: register_broker(view, shell.schema, request, cluster_id=shell.settings.cluster_id)
        )
        return self.epoch

    def unfence(self) -> None:
        """Blocking: its partitions have leaders and clients may come when it returns."""
        shell, broker_id = self._shell, self._identity.broker_id
        shell.decide_now(lambda view: unfence_broker(view, shell.schema, broker_id, self.epoch))

    async def leave(self) -> None:
        """Controlled shutdown: nothing is led from here on, then fenced. `KafkaError` if the controller has failed."""
        shell, broker_id = self._shell, self._identity.broker_id
        await shell.submit(lambda view: begin_controlled_shutdown(view, shell.schema, broker_id, self.epoch))
        await shell.submit(lambda view: fence_broker(view, shell.schema, broker_id))

    def _request(self) -> BrokerRegistrationRequest:
        identity = self._identity
        return BrokerRegistrationRequest(
            broker_id=identity.broker_id,
            cluster_id=self._shell.settings.cluster_id,
            incarnation_id=identity.incarnation_id,
            listeners=[
                Listener(name=e.listener_name, host=e.host, port=e.port, security_protocol=e.security_protocol)
                for e in identity.advertised
            ],
            features=[
                Feature(name=name, min_supported_version=levels.min_level, max_supported_version=levels.max_level)
                for name, levels in SUPPORTED_FEATURES.items()
            ],
            rack=identity.rack,
            log_dirs=list(identity.directory_ids),
            previous_broker_epoch=identity.previous_epoch,
        )
