"""BrokerRegistration (62): a broker that starts tells the controller who it is; the answer is its epoch.

| version | what changed                                                    | KIP |
|---------|-----------------------------------------------------------------|-----|
| 0       |                                                                 | 631 |
| 1       | brokers that migrate from ZooKeeper, which are refused          | 866 |
| 2       | the ids of its log directories                                  | 858 |
| 3       | the epoch of its last run, if that ended well                   | 966 |
| 4       | features whose lowest level is 0                                | 1022 |

While the session of the run before lasts, DUPLICATE_BROKER_REGISTRATION. Two things together end it at once, which in
Apache Kafka nothing does: the new run has one of its log directories, which a process locks; and the connection of its
heartbeats is lost, as it is when a process ends, or this controller never had one. Either alone proves nothing: a
directory may be a copy.
"""

from functools import partial
from typing import Protocol

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.brokers import has_directory_of_former_run, register_broker
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, BrokerRegistrationResponse
from ottla.protocol.errors import ErrorCode, KafkaError


class HungUp(Protocol):
    """`BrokerLosses`."""

    def has_hung_up(self, broker_id: int, broker_epoch: int) -> bool: ...


class BrokerRegistrationHandler:
    def __init__(self, controller: ControllerShell, losses: HungUp | None = None, *, cluster_id: str) -> None:
        self._controller = controller
        self._losses = losses
        self._cluster_id = cluster_id

    async def __call__(self, context: RequestContext, request: BrokerRegistrationRequest) -> BrokerRegistrationResponse:
        controller = self._controller
        self._end_session_of_former_run(request)
        decision = partial(
            register_broker,
            schema=controller.schema,
            heartbeats=controller.heartbeats,
            request=request,
            api_version=context.api_version,
            cluster_id=self._cluster_id,
            kraft_version=controller.history.kraft_version,
        )
        try:
            epoch = await controller.submit(decision)
        except KafkaError as error:
            return BrokerRegistrationResponse(error_code=error.code)
        return BrokerRegistrationResponse(error_code=ErrorCode.NONE, broker_epoch=epoch)

    def _end_session_of_former_run(self, request: BrokerRegistrationRequest) -> None:
        known = self._controller.image.cluster.brokers.get(request.broker_id)
        if known is None or self._losses is None or request.cluster_id != self._cluster_id:
            return
        has_hung_up = self._losses.has_hung_up(known.broker_id, known.epoch)
        if has_hung_up and has_directory_of_former_run(self._controller.image, request):
            self._controller.heartbeats.end_session(request.broker_id)
