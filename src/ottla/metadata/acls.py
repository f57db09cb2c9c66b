"""Access control entries: what their numbers mean, those of the cluster by id, and filters. KIP-801, KIP-290.

entry    resource type, name, pattern (literal, prefixed) | principal, host | operation | allow or deny
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.protocol.metadata_record.access_control_entry_record import AccessControlEntryRecord

WILDCARD: Final = "*"
ANY_PRINCIPAL: Final = "User:*"
CLUSTER_NAME: Final = "kafka-cluster"
"""The only name of the resource CLUSTER."""


class ResourceType(IntEnum):
    UNKNOWN = 0
    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class PatternType(IntEnum):
    UNKNOWN = 0
    ANY = 1
    MATCH = 2
    LITERAL = 3
    PREFIXED = 4


class AclOperation(IntEnum):
    UNKNOWN = 0
    ANY = 1
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12
    CREATE_TOKENS = 13
    DESCRIBE_TOKENS = 14
    TWO_PHASE_COMMIT = 15


class PermissionType(IntEnum):
    UNKNOWN = 0
    ANY = 1
    DENY = 2
    ALLOW = 3


@dataclass(frozen=True, slots=True)
class AclsImage:
    by_id: Mapping[bytes, AccessControlEntryRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AclFilter:
    """What DescribeAcls and DeleteAcls ask for; `None` and ANY match everything. Kafka's `AclBindingFilter`."""

    resource_type: int = ResourceType.ANY
    resource_name: str | None = None
    pattern_type: int = PatternType.ANY
    principal: str | None = None
    host: str | None = None
    operation: int = AclOperation.ANY
    permission_type: int = PermissionType.ANY

    @property
    def unknown_part(self) -> str | None:
        """The half of the filter whose numbers mean nothing here: "patternFilter" or "entryFilter"."""
        if not (_is_known(ResourceType, self.resource_type) and _is_known(PatternType, self.pattern_type)):
            return "patternFilter"
        if not (_is_known(AclOperation, self.operation) and _is_known(PermissionType, self.permission_type)):
            return "entryFilter"
        return None

    def matches(self, entry: AccessControlEntryRecord) -> bool:
        return (
            self.resource_type in (ResourceType.ANY, entry.resource_type)
            and self._matches_pattern(entry)
            and self.principal in (None, entry.principal)
            and self.host in (None, entry.host)
            and self.operation in (AclOperation.ANY, entry.operation)
            and self.permission_type in (PermissionType.ANY, entry.permission_type)
        )

    def _matches_pattern(self, entry: AccessControlEntryRecord) -> bool:
        wanted, name = self.pattern_type, self.resource_name
        if wanted not in (PatternType.ANY, PatternType.MATCH, entry.pattern_type):
            return False
        if name is None:
            return True
        if wanted != PatternType.MATCH:
            return name == entry.resource_name
        if entry.pattern_type == PatternType.LITERAL:
            return entry.resource_name in (name, WILDCARD)
        return entry.pattern_type == PatternType.PREFIXED and name.startswith(entry.resource_name)


def _is_known(numbers: type[IntEnum], number: int) -> bool:
    return number != 0 and number in {int(known) for known in numbers}
