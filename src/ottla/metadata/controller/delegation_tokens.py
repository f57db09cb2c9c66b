"""Making, renewing and ending delegation tokens. KIP-48, 373, 900; Kafka's `DelegationTokenControlManager`.

A token's secret is never stored: it is the HMAC-SHA512 of the token's id under `delegation.token.secret.key`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.delegation_token_record import DelegationTokenRecord
from ottla.protocol.metadata_record.remove_delegation_token_record import RemoveDelegationTokenRecord

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """`delegation.token.secret.key`, `.max.lifetime.ms`, `.expiry.time.ms`."""

    secret_key: str = field(repr=False)
    max_lifetime_ms: int
    expiry_time_ms: int

    def hmac_of(self, token_id: str) -> bytes:
        return hmac.digest(self.secret_key.encode(), token_id.encode(), "sha512")


def create_token(
    view: ControllerView,
    settings: TokenSettings,
    *,
    owner: str,
    requester: str,
    renewers: Sequence[str],
    max_lifetime_ms: int,
) -> ControllerResult[DelegationTokenRecord]:
    """Principals as "User:name". A `max_lifetime_ms` of 0 or less means the longest there is."""
    if any(not renewer.startswith("User:") for renewer in renewers):
        raise KafkaError(ErrorCode.INVALID_PRINCIPAL_TYPE)
    lifetime_ms = settings.max_lifetime_ms
    if max_lifetime_ms > 0:
        lifetime_ms = min(lifetime_ms, max_lifetime_ms)
    token_id = view.new_uuid().hex()
    token_id = "-".join((token_id[:8], token_id[8:12], token_id[12:16], token_id[16:20], token_id[20:]))
    record = DelegationTokenRecord(
        owner=owner,
        requester=requester,
        renewers=list(renewers),
        issue_timestamp=view.now_ms,
        max_timestamp=view.now_ms + lifetime_ms,
        expiration_timestamp=min(view.now_ms + lifetime_ms, view.now_ms + settings.expiry_time_ms),
        token_id=token_id,
    )
    return ControllerResult([VersionedRecord(record)], record)


def renew_token(
    view: ControllerView, settings: TokenSettings, *, hmac: bytes, principal: str, renew_period_ms: int
) -> ControllerResult[int]:
    """The new time of expiry."""
    token = _find(view, settings, hmac)
    if token.max_timestamp < view.now_ms or token.expiration_timestamp < view.now_ms:
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_EXPIRED)
    _check_involved(token, principal)
    period_ms = settings.expiry_time_ms
    if renew_period_ms > 0:
        period_ms = min(period_ms, renew_period_ms)
    return _expire_at(token, min(token.max_timestamp, view.now_ms + period_ms))


def expire_token(
    view: ControllerView, settings: TokenSettings, *, hmac: bytes, principal: str, expiry_period_ms: int
) -> ControllerResult[int]:
    """The new time of expiry; a negative period ends the token now."""
    token = _find(view, settings, hmac)
    _check_involved(token, principal)
    if expiry_period_ms < 0:
        record = VersionedRecord(RemoveDelegationTokenRecord(token_id=token.token_id))
        return ControllerResult([record], view.now_ms)
    if token.max_timestamp < view.now_ms or token.expiration_timestamp < view.now_ms:
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_EXPIRED)
    return _expire_at(token, min(token.max_timestamp, view.now_ms + expiry_period_ms))


def sweep_tokens(view: ControllerView) -> ControllerResult[int]:
    """Remove what has expired; how many that were."""
    gone = [
        token
        for token in view.image.delegation_tokens.by_id.values()
        if token.max_timestamp < view.now_ms or token.expiration_timestamp < view.now_ms
    ]
    records = [VersionedRecord(RemoveDelegationTokenRecord(token_id=token.token_id)) for token in gone]
    return ControllerResult(records, len(gone))


def _find(view: ControllerView, settings: TokenSettings, secret: bytes) -> DelegationTokenRecord:
    for token in view.image.delegation_tokens.by_id.values():
        if hmac.compare_digest(settings.hmac_of(token.token_id), secret):
            return token
    raise KafkaError(ErrorCode.DELEGATION_TOKEN_NOT_FOUND)


def _check_involved(token: DelegationTokenRecord, principal: str) -> None:
    if principal not in (token.owner, token.requester, *token.renewers):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH)


def _expire_at(token: DelegationTokenRecord, expiration_ms: int) -> ControllerResult[int]:
    record = DelegationTokenRecord(
        owner=token.owner,
        requester=token.requester,
        renewers=list(token.renewers),
        issue_timestamp=token.issue_timestamp,
        max_timestamp=token.max_timestamp,
        expiration_timestamp=expiration_ms,
        token_id=token.token_id,
    )
    return ControllerResult([VersionedRecord(record)], expiration_ms)
