"""CreateDelegationToken (38): a secret that stands for its owner for a while.

| version | what changed                        | KIP |
|---------|-------------------------------------|-----|
| 1       | throttled after the answer          | 219 |
| 2       | tagged fields                       | 482 |
| 3       | for another owner                   | 373 |

Only over a connection that says who it is, and not with a token itself. KIP-48; Kafka's `KafkaApis`,
`DelegationTokenControlManager`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ottla.broker.request_context import ANONYMOUS
from ottla.metadata.controller.delegation_tokens import TokenSettings, create_token
from ottla.protocol.api.create_delegation_token import CreateDelegationTokenRequest, CreateDelegationTokenResponse
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.request_context import RequestContext

NO_TIME = -1
KIP_373 = 3
"""Since this version the answer says who asked for the token."""


class CreateDelegationTokenHandler:
    """`settings`: `None` where `delegation.token.secret.key` is not set."""

    def __init__(self, controller: ControllerShell, settings: TokenSettings | None) -> None:
        self._controller = controller
        self._settings = settings

    async def __call__(
        self, context: RequestContext, request: CreateDelegationTokenRequest
    ) -> CreateDelegationTokenResponse:
        owner = context.principal
        if request.owner_principal_name:
            owner = f"{request.owner_principal_type}:{request.owner_principal_name}"
        told_requester = context.principal if context.api_version >= KIP_373 else ""
        try:
            settings = check_allowed(context, self._settings)
            token = await self._controller.submit(
                partial(
                    create_token,
                    settings=settings,
                    owner=owner,
                    requester=context.principal,
                    renewers=[f"{one.principal_type}:{one.principal_name}" for one in request.renewers],
                    max_lifetime_ms=request.max_lifetime_ms,
                )
            )
        except KafkaError as error:
            return _answer(error.code, owner, told_requester)
        return _answer(
            ErrorCode.NONE,
            owner,
            told_requester,
            (token.issue_timestamp, token.expiration_timestamp, token.max_timestamp),
            token.token_id,
            settings.hmac_of(token.token_id),
        )


def check_allowed(context: RequestContext, settings: TokenSettings | None) -> TokenSettings:
    """What every API of tokens asks first. Raises `KafkaError`."""
    connection = context.connection
    anonymous = connection.security_protocol == "SSL" and connection.principal == ANONYMOUS
    if connection.token_authenticated or connection.security_protocol == "PLAINTEXT" or anonymous:
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)
    if settings is None:
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED)
    return settings


def _answer(
    error: ErrorCode,
    owner: str,
    requester: str,
    times_ms: tuple[int, int, int] = (NO_TIME, NO_TIME, NO_TIME),
    token_id: str = "",
    secret: bytes = b"",
) -> CreateDelegationTokenResponse:
    owner_type, _, owner_name = owner.partition(":")
    requester_type, _, requester_name = requester.partition(":")
    return CreateDelegationTokenResponse(
        error_code=error,
        principal_type=owner_type,
        principal_name=owner_name,
        token_requester_principal_type=requester_type,
        token_requester_principal_name=requester_name,
        issue_timestamp_ms=times_ms[0],
        expiry_timestamp_ms=times_ms[1],
        max_timestamp_ms=times_ms[2],
        token_id=token_id,
        hmac=secret,
    )
