"""ExpireDelegationToken (40): a token ends sooner, or now.

| version | what changed                | KIP |
|---------|-----------------------------|-----|
| 1       | throttled after the answer  | 219 |
| 2       | tagged fields               | 482 |
"""

from functools import partial

from ottla.broker.apis.create_delegation_token import check_allowed
from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.delegation_tokens import TokenSettings, expire_token
from ottla.protocol.api.expire_delegation_token import ExpireDelegationTokenRequest, ExpireDelegationTokenResponse
from ottla.protocol.errors import ErrorCode, KafkaError


class ExpireDelegationTokenHandler:
    def __init__(self, controller: ControllerShell, settings: TokenSettings | None) -> None:
        self._controller = controller
        self._settings = settings

    async def __call__(
        self, context: RequestContext, request: ExpireDelegationTokenRequest
    ) -> ExpireDelegationTokenResponse:
        try:
            decision = partial(
                expire_token,
                settings=check_allowed(context, self._settings),
                hmac=bytes(request.hmac),
                principal=context.principal,
                expiry_period_ms=request.expiry_time_period_ms,
            )
            expiry_ms = await self._controller.submit(decision)
        except KafkaError as error:
            return ExpireDelegationTokenResponse(error_code=error.code, expiry_timestamp_ms=0)
        return ExpireDelegationTokenResponse(error_code=ErrorCode.NONE, expiry_timestamp_ms=expiry_ms)
