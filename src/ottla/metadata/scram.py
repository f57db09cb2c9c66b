"""SCRAM credentials by (mechanism, user). Kept as written; authentication (issue 4) reads them. KIP-554, 900."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ottla.protocol.metadata_record.user_scram_credential_record import UserScramCredentialRecord


@dataclass(frozen=True, slots=True)
class ScramImage:
    credentials: Mapping[tuple[int, str], UserScramCredentialRecord] = field(default_factory=dict)
