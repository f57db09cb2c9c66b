"""UnregisterBroker (64): forgets a broker that will not come back.

| version | what changed                             | KIP |
|---------|------------------------------------------|-----|
| 0       |                                          | 500 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.brokers import unregister_broker
from ottla.protocol.api.unregister_broker import UnregisterBrokerRequest, UnregisterBrokerResponse
from ottla.protocol.errors import ErrorCode, KafkaError


class UnregisterBrokerHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(self, context: RequestContext, request: UnregisterBrokerRequest) -> UnregisterBrokerResponse:
        controller = self._controller
        decision = partial(
            unregister_broker,
            schema=controller.schema,
            broker_id=request.broker_id,
            heartbeats=controller.heartbeats,
        )
        try:
            await controller.submit(decision)
        except KafkaError as error:
            return UnregisterBrokerResponse(error_code=error.code, error_message=error.message)
        return UnregisterBrokerResponse(error_code=ErrorCode.NONE, error_message="")
