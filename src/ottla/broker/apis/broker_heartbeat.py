"""BrokerHeartbeat (63): a broker lives; it is told whether it may lead, and whether it may stop.

| version | what changed                                                    | KIP |
|---------|-----------------------------------------------------------------|-----|
| 0       |                                                                 | 631 |
| 1       | log directories that failed                                     | 858 |
| 2       | log directories that are cordoned                               | 1066 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.broker_heartbeat import broker_heartbeat
from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from ottla.protocol.errors import KafkaError


class BrokerHeartbeatHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(self, context: RequestContext, request: BrokerHeartbeatRequest) -> BrokerHeartbeatResponse:
        controller = self._controller
        decision = partial(
            broker_heartbeat, schema=controller.schema, heartbeats=controller.heartbeats, request=request
        )
        try:
            return await controller.submit(decision)
        except KafkaError as error:
            return BrokerHeartbeatResponse(error_code=error.code, should_shut_down=False)
