"""BrokerRegistration (62): a broker that starts tells the controller who it is; the answer is its epoch.

| version | what changed                                                    | KIP |
|---------|-----------------------------------------------------------------|-----|
| 0       |                                                                 | 631 |
| 1       | brokers that migrate from ZooKeeper, which are refused          | 866 |
| 2       | the ids of its log directories                                  | 858 |
| 3       | the epoch of its last run, if that ended well                   | 966 |
| 4       | features whose lowest level is 0                                | 1022 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.brokers import register_broker
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, BrokerRegistrationResponse
from ottla.protocol.errors import ErrorCode, KafkaError


class BrokerRegistrationHandler:
    def __init__(self, controller: ControllerShell, *, cluster_id: str) -> None:
        self._controller = controller
        self._cluster_id = cluster_id

    async def __call__(self, context: RequestContext, request: BrokerRegistrationRequest) -> BrokerRegistrationResponse:
        controller = self._controller
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
