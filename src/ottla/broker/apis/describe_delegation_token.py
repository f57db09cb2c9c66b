"""DescribeDelegationToken (41): the tokens of the owners asked for that the requester may see.

| version | what changed                | KIP |
|---------|-----------------------------|-----|
| 1       | throttled after the answer  | 219 |
| 2       | tagged fields               | 482 |
| 3       | who asked for the token     | 373 |

With an authorizer, its guard leaves out what the requester may not see; without one, everybody who is known sees all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.apis.create_delegation_token import KIP_373, check_allowed
from ottla.protocol.api.describe_delegation_token import (
    DescribedDelegationToken,
    DescribedDelegationTokenRenewer,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.request_context import RequestContext
    from ottla.metadata.controller.delegation_tokens import TokenSettings
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.metadata_record.delegation_token_record import DelegationTokenRecord


class DescribeDelegationTokenHandler:
    def __init__(self, image: Callable[[], MetadataImage], settings: TokenSettings | None) -> None:
        self._image = image
        self._settings = settings

    def __call__(
        self, context: RequestContext, request: DescribeDelegationTokenRequest
    ) -> DescribeDelegationTokenResponse:
        try:
            settings = check_allowed(context, self._settings)
        except KafkaError as error:
            return DescribeDelegationTokenResponse(error_code=error.code, tokens=[])
        owners = None
        if request.owners is not None:
            owners = {f"{one.principal_type}:{one.principal_name}" for one in request.owners}
        tokens = [
            _describe(token, settings, tells_requester=context.api_version >= KIP_373)
            for token in self._image().delegation_tokens.by_id.values()
            if owners is None or token.owner in owners
        ]
        return DescribeDelegationTokenResponse(error_code=ErrorCode.NONE, tokens=tokens)


def _describe(
    token: DelegationTokenRecord, settings: TokenSettings, *, tells_requester: bool
) -> DescribedDelegationToken:
    owner_type, _, owner_name = token.owner.partition(":")
    requester_type, _, requester_name = (token.requester if tells_requester else "").partition(":")
    renewers = [renewer.partition(":") for renewer in token.renewers]
    return DescribedDelegationToken(
        principal_type=owner_type,
        principal_name=owner_name,
        token_requester_principal_type=requester_type,
        token_requester_principal_name=requester_name,
        issue_timestamp=token.issue_timestamp,
        expiry_timestamp=token.expiration_timestamp,
        max_timestamp=token.max_timestamp,
        token_id=token.token_id,
        hmac=settings.hmac_of(token.token_id),
        renewers=[
            DescribedDelegationTokenRenewer(principal_type=kind, principal_name=name) for kind, _, name in renewers
        ],
    )
