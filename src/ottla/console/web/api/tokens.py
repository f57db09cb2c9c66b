"""Delegation tokens (KIP-48): listed without their secrets, made and shown once, renewed, expired.

A broker tells whoever may see a token its HMAC, too, which is its password. It stays here: a page names a token by its
id, and the HMAC that brokers want for that is looked for among those that they tell.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from ottla.console.operations.acls import check_principal
from ottla.console.operations.tokens import (
    AT_ONCE,
    BROKER_LIFETIME,
    create_token,
    expire_token,
    list_tokens,
    renew_token,
)
from ottla.console.web.message import Response, bad_request, not_found
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.console.operations.tokens import Token
    from ottla.console.web.context import Context

RENEWERS_MAX: Final = 100
LIFETIME_MAX_MS: Final = 10 * 365 * 86_400_000
_NOT_HERE: Final = (ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED, ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)


async def list_all(context: Context) -> Response:
    """`problem` says why there can be none: tokens are off, or the console itself has not logged in."""
    try:
        found = await list_tokens(context.client)
    except KafkaError as error:
        if error.code not in _NOT_HERE:
            raise
        return Response({"tokens": [], "problem": error.message})
    return Response({"tokens": [_token(each) for each in found], "problem": None})


async def create(context: Context) -> Response:
    body = context.request.object("owner", "renewers", "max_lifetime_ms")
    owner = _principal("owner", body.text("owner")) if "owner" in body else None
    renewers = [_principal("renewers", each) for each in body.texts("renewers", at_most=RENEWERS_MAX)]
    lifetime_ms = body.number("max_lifetime_ms", 1, LIFETIME_MAX_MS, BROKER_LIFETIME)
    context.details |= {"owner": owner, "renewers": renewers, "max_lifetime_ms": lifetime_ms}
    made = await create_token(context.client, owner=owner, renewers=renewers, max_lifetime_ms=lifetime_ms)
    context.resource_name = made.token_id
    return Response({**_token(made), "hmac": base64.b64encode(made.hmac).decode()}, 201)


async def renew(context: Context) -> Response:
    return await _prolonged(context, ends=False)


async def expire(context: Context) -> Response:
    """At once without a period."""
    return await _prolonged(context, ends=True)


async def _prolonged(context: Context, *, ends: bool) -> Response:
    body = context.request.object("period_ms")
    period_ms = body.number("period_ms", 1, LIFETIME_MAX_MS, AT_ONCE if ends else BROKER_LIFETIME)
    context.details["period_ms"] = period_ms
    token = context.parameter("token")
    found = next((each for each in await list_tokens(context.client) if each.token_id == token), None)
    if found is None:
        raise not_found(f"there is no token '{token}' that the console may see", "it may have expired")
    change = expire_token if ends else renew_token
    return Response({"expires_ms": await change(context.client, found.hmac, period_ms=period_ms)})


def _principal(name: str, text: str) -> str:
    try:
        return check_principal(text)
    except ValueError as error:
        raise bad_request(f"'{name}': {error}") from None


def _token(token: Token) -> dict[str, Any]:
    return {
        "token_id": token.token_id,
        "owner": token.owner,
        "requester": token.requester,
        "renewers": token.renewers,
        "issued_ms": token.issued_ms,
        "expires_ms": token.expires_ms,
        "max_ms": token.max_ms,
    }
