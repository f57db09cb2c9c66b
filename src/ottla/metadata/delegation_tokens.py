"""Delegation tokens by id. Kept as written; authentication (issue 4) reads them. KIP-900."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ottla.protocol.metadata_record.delegation_token_record import DelegationTokenRecord


@dataclass(frozen=True, slots=True)
class DelegationTokensImage:
    by_id: Mapping[str, DelegationTokenRecord] = field(default_factory=dict)
