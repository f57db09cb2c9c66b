"""BrokerHeartbeat (63): a broker lives; it is told whether it may lead, and whether it may stop.

| version | what changed                                                    | KIP |
|---------|-----------------------------------------------------------------|-----|
| 0       |                                                                 | 631 |
| 1       | log directories that failed                                     | 858 |
| 2       | log directories that are cordoned                               | 1066 |
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ottla.metadata.controller.broker_heartbeat import broker_heartbeat
from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from ottla.broker.controller.broker_losses import BrokerLosses
    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.request_context import RequestContext


class BrokerHeartbeatHandler:
    def __init__(self, controller: ControllerShell, losses: BrokerLosses | None = None) -> None:
        self._controller = controller
        self._losses = losses

    async def __call__(self, context: RequestContext, request: BrokerHeartbeatRequest) -> BrokerHeartbeatResponse:
        controller = self._controller
        decision = partial(
            broker_heartbeat, schema=controller.schema, heartbeats=controller.heartbeats, request=request
        )
        try:
            answer = await controller.submit(decision)
        except KafkaError as error:
            return BrokerHeartbeatResponse(error_code=error.code, should_shut_down=False)
        if self._losses is not None:  # of a broker that is one: whatever else is said, nothing is kept
            self._losses.heard(context.connection, request.broker_id, request.broker_epoch)
        return answer
