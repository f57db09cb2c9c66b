"""BrokerRegistration (62): a broker that starts tells the controller who it is; the answer is its epoch.

| version | what changed                                                    | KIP |
|---------|-----------------------------------------------------------------|-----|
| 0       |                                                                 | 631 |
| 1       | brokers that migrate from ZooKeeper, which are refused          | 866 |
| 2       | the ids of its log directories                                  | 858 |
| 3       | the epoch of its last run, if that ended well                   | 966 |
| 4       | features whose lowest level is 0                                | 1022 |

A process locks its log directories: who has one of a broker's proves that the run before is over, and need not wait for
its session to end (in Apache Kafka it does: DUPLICATE_BROKER_REGISTRATION).
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.brokers import proves_former_run_over, register_broker
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, BrokerRegistrationResponse
from ottla.protocol.errors import ErrorCode, KafkaError


class BrokerRegistrationHandler:
    def __init__(self, controller: ControllerShell, *, cluster_id: str) -> None:
        self._controller = controller
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
        image = self._controller.image
        if request.cluster_id == self._cluster_id and proves_former_run_over(image, request):
            self._controller.heartbeats.end_session(request.broker_id)
