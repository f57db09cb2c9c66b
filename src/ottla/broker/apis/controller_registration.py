"""ControllerRegistration (70): a controller that is not active tells the active one who it is.

| version | what changed                                                    | KIP |
|---------|-----------------------------------------------------------------|-----|
| 0       |                                                                 | 919 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.controllers import register_other_controller
from ottla.protocol.api.controller_registration import ControllerRegistrationRequest, ControllerRegistrationResponse
from ottla.protocol.errors import ErrorCode, KafkaError


class ControllerRegistrationHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(
        self, context: RequestContext, request: ControllerRegistrationRequest
    ) -> ControllerRegistrationResponse:
        try:
            await self._controller.submit(partial(register_other_controller, request=request))
        except KafkaError as error:
            return ControllerRegistrationResponse(error_code=error.code, error_message=error.message)
        return ControllerRegistrationResponse(error_code=ErrorCode.NONE, error_message=None)
