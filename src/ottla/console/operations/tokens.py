"""Delegation tokens (KIP-48, KIP-373): made, shown, renewed and expired, over an authenticated connection."""

from collections.abc import Iterable
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.protocol.api.create_delegation_token import (
    CreatableRenewers,
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from ottla.protocol.api.describe_delegation_token import (
    DescribeDelegationTokenOwner,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)
from ottla.protocol.api.expire_delegation_token import ExpireDelegationTokenRequest, ExpireDelegationTokenResponse
from ottla.protocol.api.renew_delegation_token import RenewDelegationTokenRequest, RenewDelegationTokenResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

BROKER_LIFETIME = -1
"""As long as the broker's configs say."""
AT_ONCE = -1


@dataclass(frozen=True, slots=True)
class Token:
    token_id: str
    hmac: bytes
    """The secret: the password of a SCRAM login under the token's id."""
    owner: str
    requester: str
    renewers: list[str]
    issued_ms: int
    expires_ms: int
    max_ms: int


async def create_token(
    client: KafkaClient,
    *,
    owner: str | None = None,
    renewers: Iterable[str] = (),
    max_lifetime_ms: int = BROKER_LIFETIME,
) -> Token:
    """For whoever is connected, or for another `owner` (`User:alice`). Renewers are principals, too."""
    asked = list(renewers)
    request = CreateDelegationTokenRequest(renewers=[], max_lifetime_ms=max_lifetime_ms)
    for renewer in asked:
        kind, name = _split(renewer)
        request.renewers.append(CreatableRenewers(principal_type=kind, principal_name=name))
    if owner is not None:
        request.owner_principal_type, request.owner_principal_name = _split(owner)
    response = await client.send_any(request, CreateDelegationTokenResponse)
    _check(response.error_code, "the token cannot be made")
    own = f"{response.principal_type}:{response.principal_name}"
    requester = f"{response.token_requester_principal_type}:{response.token_requester_principal_name}"
    return Token(
        response.token_id,
        response.hmac,
        own,
        own if requester == ":" else requester,
        asked,
        response.issue_timestamp_ms,
        response.expiry_timestamp_ms,
        response.max_timestamp_ms,
    )


async def list_tokens(client: KafkaClient, owners: Iterable[str] = ()) -> list[Token]:
    """Those that whoever is connected may see; of these owners, if any are named."""
    wanted = []
    for owner in owners:
        kind, name = _split(owner)
        wanted.append(DescribeDelegationTokenOwner(principal_type=kind, principal_name=name))
    response = await client.send_any(
        DescribeDelegationTokenRequest(owners=wanted or None), DescribeDelegationTokenResponse
    )
    _check(response.error_code, "the tokens cannot be listed")
    tokens = [
        Token(
            each.token_id,
            each.hmac,
            f"{each.principal_type}:{each.principal_name}",
            f"{each.token_requester_principal_type}:{each.token_requester_principal_name}".strip(":"),
            [f"{renewer.principal_type}:{renewer.principal_name}" for renewer in each.renewers],
            each.issue_timestamp,
            each.expiry_timestamp,
            each.max_timestamp,
        )
        for each in response.tokens
    ]
    return sorted(tokens, key=lambda token: (token.issued_ms, token.token_id))


async def renew_token(client: KafkaClient, hmac: bytes, *, period_ms: int = BROKER_LIFETIME) -> int:
    """When it expires now, in milliseconds since 1970."""
    request = RenewDelegationTokenRequest(hmac=hmac, renew_period_ms=period_ms)
    response = await client.send_any(request, RenewDelegationTokenResponse)
    _check(response.error_code, "the token cannot be renewed")
    return response.expiry_timestamp_ms


async def expire_token(client: KafkaClient, hmac: bytes, *, period_ms: int = AT_ONCE) -> int:
    """When it expires now; it ends at once without a period."""
    request = ExpireDelegationTokenRequest(hmac=hmac, expiry_time_period_ms=period_ms)
    response = await client.send_any(request, ExpireDelegationTokenResponse)
    _check(response.error_code, "the token cannot be expired")
    return response.expiry_timestamp_ms


_ADVICE = {
    ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED: "set delegation.token.secret.key on every node",
    ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: "log in by SASL or TLS first (--command-config), not by a token",
    ErrorCode.DELEGATION_TOKEN_NOT_FOUND: "there is no token of that HMAC; see `ottla tokens list`",
    ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH: "only its owner and its renewers may do that",
    ErrorCode.DELEGATION_TOKEN_EXPIRED: "it has expired; make another",
}


def _check(code: int, what: str) -> None:
    if code != ErrorCode.NONE:
        known = error_code(code)
        raise KafkaError(known, f"{what}: {_ADVICE[known]}" if known in _ADVICE else what)


def _split(principal: str) -> tuple[str, str]:
    kind, _, name = principal.partition(":")
    return kind, name
