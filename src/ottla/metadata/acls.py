"""Access control entries, by their id. Kept as written; the authorizer (issue 4) reads them. KIP-801."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ottla.protocol.metadata_record.access_control_entry_record import AccessControlEntryRecord


@dataclass(frozen=True, slots=True)
class AclsImage:
    by_id: Mapping[bytes, AccessControlEntryRecord] = field(default_factory=dict)
